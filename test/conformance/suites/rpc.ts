/**
 * JSON-RPC exchanges of ethereum/execution-apis: `.io` files with requests (`>> `) and the answers they must get
 * (`<< `), against a node that imported the `chain.rlp` beside them on its `genesis.json`. Answers are compared as
 * JSON; the text of an error is free, and a file marked `speconly` fixes only the shape of a result.
 */
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { parseGenesis } from '../../../src/chain/genesis.ts'
import { decodeBlock } from '../../../src/chain/block-codec.ts'
import { present } from '../../../src/primitives/assert.ts'
import { openNode, type Node } from '../../../src/node/node.ts'
import { systemClock } from '../../../src/node/system-clock.ts'
import { createDispatcher, type Dispatcher } from '../../../src/rpc/dispatcher.ts'
import { engineNameOf } from '../../../src/execution/engines.ts'
import { readFixture, readFixtureText, type FixtureFile } from '../fixture-files.ts'
import { SkippedCase, type Case, type RunOptions, type Suite } from '../suite.ts'

interface Exchange {
  readonly request: string
  readonly response: unknown
}

export const rpcSuite: Suite = {
  async *cases({ files }, options) {
    if (!files.some(({ label }) => label.endsWith('chain.rlp'))) {
      for (const { label } of files) yield { id: label, run: skipWithoutChain }
      return
    }
    const { node, dispatcher, internalErrors } = await openChain(files, options)
    try {
      for (const file of files) {
        if (file.label.endsWith('.io')) yield exchangeCase(file, dispatcher, internalErrors)
      }
    } finally {
      dispatcher.close()
      await node.close()
    }
  },
}

function skipWithoutChain(): never {
  throw new SkippedCase('JSON-RPC exchanges without a chain.rlp beside or above them')
}

function exchangeCase(file: FixtureFile, dispatcher: Dispatcher, internalErrors: unknown[]): Case {
  return {
    id: file.label,
    async run() {
      const text = readFixtureText(file)
      const isShapeOnly = /^\/\/ speconly/m.test(text)
      for (const { request, response } of exchangesOf(text)) {
        const answer = await dispatcher.handle(request)
        const internal = internalErrors.splice(0)
        if (internal[0] !== undefined)
          throw new Error('the method failed unexpectedly', { cause: internal[0] })
        compare(JSON.parse(answer ?? 'null'), response, isShapeOnly)
      }
    },
  }
}

function exchangesOf(text: string): Exchange[] {
  const requests = [...text.matchAll(/^>> (.*)$/gm)].map(([, request = '']) => request)
  const responses = [...text.matchAll(/^<< (.*)$/gm)].map(
    ([, response = '']) => JSON.parse(response) as unknown,
  )
  if (requests.length === 0 || requests.length !== responses.length)
    throw new Error('the file is not in pairs')
  return requests.map((request, index) => ({ request, response: responses[index] }))
}

function compare(actual: unknown, expected: unknown, isShapeOnly: boolean): void {
  const [got, wanted] = [comparable(actual, isShapeOnly), comparable(expected, isShapeOnly)]
  if (isDeepStrictEqual(got, wanted)) return
  // For its text, which shows where both differ.
  assert.deepStrictEqual(got, wanted)
}

/** An answer without what may differ: the text of an error; where only the shape counts, every value. */
function comparable(answer: unknown, isShapeOnly: boolean): unknown {
  const { error, result, ...rest } = answer as { error?: { message?: string }; result?: unknown }
  if (error !== undefined) return { ...rest, error: { ...error, message: '' } }
  return { ...rest, result: isShapeOnly ? shapeOf(result) : result }
}

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((item) => JSON.stringify(shapeOf(item))))]
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]))
}

/** A node in memory that holds the chain of the suite, sealed up to its head. */
async function openChain(
  files: readonly FixtureFile[],
  { engine }: RunOptions,
): Promise<{ node: Node; dispatcher: Dispatcher; internalErrors: unknown[] }> {
  const find = (name: string): FixtureFile =>
    present(
      files.find(({ label }) => label.split('/').at(-1) === name),
      name,
    )
  const internalErrors: unknown[] = []
  const node = await openNode({
    genesis: parseGenesis(readFixtureText(find('genesis.json'))),
    directory: undefined,
    engine: engineNameOf(engine),
    mining: { automine: false, intervalMs: 0 },
    devAccounts: undefined,
    // The suite sends a blob transaction and expects it to wait.
    poolLimits: { acceptsBlobs: true },
    clientVersion: 'aevir/conformance',
    onError: (error) => internalErrors.push(error),
  })
  const { chain, backend } = node
  for (const bytes of splitRlp(readFixture(find('chain.rlp')))) {
    await chain.commit(await chain.verify(decodeBlock(bytes)))
  }
  await chain.advance('final', chain.head())
  await chain.advance('sealed', chain.head())
  const dispatcher = createDispatcher({
    backend,
    clock: systemClock,
    onInternalError: (error) => internalErrors.push(error),
    // A member of our own, which the suite cannot know.
    commitStates: false,
  })
  return { node, dispatcher, internalErrors }
}

/** The items of a sequence of RLP lists, each with its header. Blocks are lists of more than 55 bytes. */
function splitRlp(bytes: Uint8Array): Uint8Array[] {
  const items: Uint8Array[] = []
  for (let start = 0; start < bytes.length;) {
    const lengthSize = (bytes[start] ?? 0) - 0xf7
    if (lengthSize < 1) throw new Error(`chain.rlp holds no block at byte ${start}`)
    let length = 0
    for (const byte of bytes.subarray(start + 1, start + 1 + lengthSize)) length = length * 256 + byte
    const end = start + 1 + lengthSize + length
    items.push(bytes.subarray(start, end))
    start = end
  }
  return items
}
