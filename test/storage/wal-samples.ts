/** Records of a committee of four for the log's tests, and disks that fail. */
import fc from 'fast-check'
import { bitmapOf } from '../../src/consensus/simplex/certificate.ts'
import { makeBlock } from '../../src/consensus/simplex/proposal.ts'
import type { Epoch, View, VoteKind } from '../../src/consensus/simplex/types.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'
import { SIGNATURE_SIZE, wireContext, type WireContext } from '../../src/consensus/simplex/wire.ts'
import { toHash, ZERO_HASH, type Hash } from '../../src/primitives/bytes.ts'
import { systemDisk, type WalDisk } from '../../src/storage/wal-disk.ts'

export const CONTEXT: WireContext = wireContext(
  { size: 4, quorum: 3 },
  {
    chainId: 31337n,
    layer: 'execution',
    epoch: 2 as Epoch,
    committeeHash: toHash(`0x${'c4'.repeat(32)}`),
  },
)

export function hashOf(number: number): Hash {
  return toHash(`0x${number.toString(16).padStart(64, '0')}`)
}

export function statement(view: number, kind: VoteKind = 'notarize'): WalRecord {
  const signature = new Uint8Array(SIGNATURE_SIZE).fill(view)
  const hash = kind === 'nullify' ? ZERO_HASH : hashOf(view)
  return { kind: 'statement', statement: { kind, view: view as View, hash, signer: 1, signature } }
}

export function certificate(view: number): WalRecord {
  const signature = new Uint8Array(SIGNATURE_SIZE).fill(view)
  const bitmap = bitmapOf([0, 1, 3], CONTEXT.size)
  return {
    kind: 'certificate',
    certificate: { kind: 'notarize', view: view as View, hash: hashOf(view), bitmap, signature },
  }
}

export function block(view: number, bodySize = 40): WalRecord {
  return blockOf(view, new Uint8Array(bodySize).fill(view))
}

export function blockOf(view: number, body: Uint8Array): WalRecord {
  const fields = {
    view: view as View,
    parentView: (view - 1) as View,
    height: view,
    parentHash: hashOf(view - 1),
    payloadHash: hashOf(view),
  }
  return { kind: 'block', block: makeBlock(fields, body) }
}

export function tip(view: number): WalRecord {
  return {
    kind: 'tip',
    tip: { view: view as View, height: view, hash: hashOf(view), payloadHash: hashOf(view) },
  }
}

export const anyRecord: fc.Arbitrary<WalRecord> = fc
  .tuple(fc.constantFrom(statement, certificate, block, tip), fc.integer({ min: 1, max: 200 }))
  .map(([make, view]) => make(view))

type Step = 'create' | 'write' | 'sync' | 'rename' | 'syncDirectory'

/** The system's disk, watched. */
export interface WatchedDisk extends WalDisk {
  readonly steps: Step[]
  /** How many more steps succeed; the one after them fails, a write after half of its bytes. */
  stepsLeft: number
}

/** Flushes are counted, not made: what the tests kill is no machine. @param code of the error that a failure gives. */
export function watchedDisk(code = 'EIO'): WatchedDisk {
  const take = (step: Step): boolean => {
    disk.steps.push(step)
    return disk.stepsLeft-- > 0
  }
  const check = (step: Step): void => {
    if (!take(step)) throw failure(code)
  }
  const disk: WatchedDisk = {
    steps: [],
    stepsLeft: Infinity,
    async create(path) {
      check('create')
      const file = await systemDisk.create(path)
      return {
        async write(bytes, position) {
          const isWhole = take('write')
          await file.write(isWhole ? bytes : bytes.subarray(0, bytes.length >> 1), position)
          if (!isWhole) throw failure(code)
        },
        sync: async () => check('sync'),
        close: () => file.close(),
      }
    },
    async rename(from, to) {
      check('rename')
      await systemDisk.rename(from, to)
    },
    syncDirectory: async () => check('syncDirectory'),
  }
  return disk
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: the test says so`), { code })
}
