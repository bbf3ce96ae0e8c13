/**
 * Changes to values before they are encoded: one field of a record, an item of a list, two fields that change places. An
 * encoder then puts lengths and checksums right, so that the lie lies deeper than damaged bytes reach.
 *
 * A value is what JSON, RLP or one of our codecs makes bytes of: a tree of records, lists, numbers, texts and bytes.
 */
import type { Prng } from '../support/prng.ts'
import { EXTREMES, filler, mutateBytes } from './mutate-bytes.ts'

/** Nodes of a tree that are looked at. */
const NODES_MAX = 4096

type Path = readonly (string | number)[]
interface TreeNode {
  readonly path: Path
  readonly value: unknown
}

/**
 * A copy with one change.
 * @param isLoose whether a value may become one of another type, as in JSON.
 */
export function mutateValue<V>(prng: Prng, value: V, isLoose: boolean): V {
  const nodes: TreeNode[] = []
  collect(value, [], nodes)
  const node = prng.pick(nodes)
  const others = nodes.filter((other) => other !== node && kindOf(other.value) === kindOf(node.value))
  const isSwap = others.length > 0 && prng.chance(0.2)
  // The change keeps the shape unless it is loose; encoders refuse what they cannot write.
  if (isSwap) return replaceAt(value, node.path, prng.pick(others).value) as V
  if (isLoose && prng.chance(0.3)) return replaceAt(value, node.path, prng.pick(STRANGERS)) as V
  return replaceAt(value, node.path, changed(prng, node.value)) as V
}

/** What a field of JSON may hold instead of what it should. */
const STRANGERS: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  -0,
  '',
  '0x',
  '0x0',
  '0xzz',
  'latest',
  `0x${'ff'.repeat(32)}`,
  `0x${'f'.repeat(65)}`,
  `0x${'ab'.repeat(20)}`,
  '\u0000\uD800',
  'x'.repeat(5000),
  [],
  {},
  [[[[]]]],
  { toString: 1, length: 3, constructor: 2 },
  Array.from({ length: 300 }, () => 0),
]

function collect(value: unknown, path: Path, nodes: TreeNode[]): void {
  if (nodes.length >= NODES_MAX) return
  nodes.push({ path, value })
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return
  for (const [key, child] of Object.entries(value)) {
    if (child !== undefined) collect(child, [...path, key], nodes)
  }
}

function kindOf(value: unknown): string {
  if (value instanceof Uint8Array) return 'bytes'
  return Array.isArray(value) ? 'list' : typeof value
}

function changed(prng: Prng, value: unknown): unknown {
  if (value instanceof Uint8Array) return mutateBytes(prng, value, filler(prng))
  if (Array.isArray(value)) return changedList(prng, value)
  if (typeof value === 'number') {
    return prng.chance(0.5) ? Number(prng.pick(EXTREMES)) : value + prng.pick([-1, 1, 0.5, -value])
  }
  if (typeof value === 'bigint') {
    return prng.chance(0.5) ? prng.pick(EXTREMES) : value + BigInt(prng.between(-1, 1))
  }
  if (typeof value === 'string') return changedText(prng, value)
  if (typeof value === 'boolean') return !value
  return typeof value === 'object' && value !== null ? changedRecord(prng, value) : value
}

function changedList(prng: Prng, list: readonly unknown[]): unknown[] {
  if (list.length === 0) return []
  const at = prng.below(list.length)
  const other = prng.below(list.length)
  const item = list[at]
  switch (prng.below(5)) {
    case 0:
      return list.toSpliced(at, 1)
    case 1:
      return list.toSpliced(at, 0, ...prng.times(prng.pick([1, 2, 70, 300]), () => item))
    case 2:
      return list.with(at, list[other]).with(other, item)
    case 3:
      return list.slice(0, at)
    default:
      return list.with(at, list[other])
  }
}

function changedRecord(prng: Prng, record: object): object {
  const entries = Object.entries(record)
  if (entries.length === 0) return {}
  const [key, value] = prng.pick(entries)
  const [otherKey, other] = prng.pick(entries)
  switch (prng.below(3)) {
    case 0:
      return Object.fromEntries(entries.filter(([name]) => name !== key))
    case 1:
      return { ...record, [key]: other as unknown, [otherKey]: value as unknown }
    default:
      return { ...record, [prng.pick(['', '__proto__', key.toUpperCase(), `${key}2`])]: value as unknown }
  }
}

function changedText(prng: Prng, text: string): string {
  const at = prng.below(text.length + 1)
  const end = at + prng.below(8)
  const insertions = [
    '',
    '0',
    'f',
    '0x',
    '-',
    '.',
    'e9',
    ' ',
    '\n',
    '"',
    '\\',
    '\u0000',
    'é',
    '🜁',
    '9'.repeat(100),
  ]
  return text.slice(0, at) + prng.pick(insertions) + text.slice(prng.chance(0.5) ? at : end)
}

/** Copies along the path only. */
function replaceAt(value: unknown, path: Path, replacement: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return replacement
  if (Array.isArray(value)) return value.with(Number(key), replaceAt(value[Number(key)], rest, replacement))
  // A path leads through records and lists only.
  const record = value as Record<string, unknown>
  return { ...record, [key]: replaceAt(record[key], rest, replacement) }
}
