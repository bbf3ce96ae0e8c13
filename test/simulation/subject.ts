/**
 * The code under test, as one value: the consensus core as it is, or a copy of it with a fault put in. A faulty copy is
 * the same source with a few lines replaced while it is loaded, so that nothing in the product knows of mutations.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import * as dual from '../../src/consensus/dual-bft/dual-bft.ts'
import * as binary from '../../src/consensus/simplex/binary.ts'
import * as guard from '../../src/consensus/simplex/double-sign-guard.ts'
import * as driver from '../../src/consensus/simplex/driver.ts'
import * as machine from '../../src/consensus/simplex/machine.ts'
import * as signing from '../../src/consensus/simplex/signing.ts'
import * as verification from '../../src/consensus/simplex/verification.ts'
import * as frames from '../../src/consensus/simplex/wal-frames.ts'
import * as wire from '../../src/consensus/simplex/wire.ts'

/** What a simulated node is made of. */
export interface Subject {
  readonly createDualBft: typeof dual.createDualBft
  readonly createCore: typeof machine.createCore
  readonly step: typeof machine.step
  readonly SimplexDriver: typeof driver.SimplexDriver
  readonly verifyRequest: typeof verification.verifyRequest
  readonly signedBytes: typeof signing.signedBytes
  readonly encodeMessage: typeof wire.encodeMessage
  readonly decodeMessage: typeof wire.decodeMessage
  readonly frameRecord: typeof frames.frameRecord
  readonly readLog: typeof frames.readLog
  /** The classes of a faulty copy are its own. */
  readonly CorruptLogError: typeof frames.CorruptLogError
  readonly WireError: typeof binary.WireError
  readonly guardAfter: typeof guard.guardAfter
  readonly abstentionOf: typeof guard.abstentionOf
}

export const REAL_SUBJECT: Subject = {
  ...binary,
  ...machine,
  ...driver,
  ...verification,
  ...signing,
  ...wire,
  ...frames,
  ...guard,
  ...dual,
}

/** A replacement in one file of `src/consensus`; those of the core go without their folder. The text must occur exactly once. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

const CONSENSUS = new URL('../../src/consensus/', import.meta.url)
const CORE = new URL('simplex/', CONSENSUS)
const FILES = [
  '../dual-bft/dual-bft',
  'binary',
  'machine',
  'driver',
  'verification',
  'signing',
  'wire',
  'wal-frames',
  'double-sign-guard',
]
const QUERY = /\?mutation=([\w-]+)$/

const editsByMutation = new Map<string, readonly Edit[]>()

/** Loads the core once more, with these edits. Other faulty copies, and the real one, are not affected. */
export async function loadMutated(name: string, edits: readonly Edit[]): Promise<Subject> {
  if (editsByMutation.size === 0) registerHooks({ resolve: resolveMutated, load: loadSource })
  editsByMutation.set(name, edits)
  const modules = await Promise.all(
    FILES.map(async (file) => import(new URL(`${file}.ts?mutation=${name}`, CORE).href)),
  )
  // The same files as in REAL_SUBJECT, with the same exports.
  return Object.assign({}, ...modules) as Subject
}

type Hooks = Parameters<typeof registerHooks>[0]

/** What a mutated module imports of consensus is mutated as well. */
const resolveMutated: NonNullable<Hooks['resolve']> = (specifier, context, nextResolve) => {
  const resolved = nextResolve(specifier, context)
  const query = QUERY.exec(context.parentURL ?? '')
  if (query === null || !resolved.url.startsWith(CONSENSUS.href) || QUERY.test(resolved.url)) return resolved
  return { ...resolved, url: resolved.url + query[0] }
}

const loadSource: NonNullable<Hooks['load']> = (url, context, nextLoad) => {
  const name = QUERY.exec(url)?.[1]
  if (name === undefined) return nextLoad(url, context)
  const path = url.replace(QUERY, '')
  let source = readFileSync(fileURLToPath(path), 'utf8')
  for (const { file, find, replace } of editsByMutation.get(name) ?? []) {
    if (path !== new URL(file, file.includes('/') ? CONSENSUS : CORE).href) continue
    const parts = source.split(find)
    if (parts.length !== 2) {
      throw new Error(`mutation ${name}: ${file} contains ${parts.length - 1} times: ${find}`)
    }
    source = parts.join(replace)
  }
  return { format: 'module-typescript', source, shortCircuit: true }
}
