/** Files that a node reads when it starts, through the file system: the log of consensus, the guard, exported chains. */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blockFromParts, encodeBlock } from '../../../src/chain/block-codec.ts'
import { committeeShape } from '../../../src/consensus/simplex/config.ts'
import type { Epoch } from '../../../src/consensus/simplex/types.ts'
import { frameRecord } from '../../../src/consensus/simplex/wal-frames.ts'
import { wireContext } from '../../../src/consensus/simplex/wire.ts'
import { readChainFile } from '../../../src/node/chain-file.ts'
import { VoteGuard } from '../../../src/node/keys/vote-guard.ts'
import { bytesToHex, concatBytes, hexToBytes, toHash } from '../../../src/primitives/bytes.ts'
import { WAL_FILE_NAME, WalFile } from '../../../src/storage/wal-file.ts'
import { anyHeader } from '../../support/block-arbitraries.ts'
import type { Prng } from '../../support/prng.ts'
import { anyRecord } from '../consensus-values.ts'
import { target, type Target } from '../target.ts'
import { sample } from './chain.ts'

const SHAPE = committeeShape(4)
const committeeHash = toHash(`0x${'c0'.repeat(32)}`)
const context = wireContext(SHAPE, { chainId: 31_337n, layer: 'witness', epoch: 3 as Epoch, committeeHash })
const NODE = bytesToHex(new Uint8Array(48).fill(0xaa))
/** A flush of the disk takes its time, and most of a case is one. */
const TIME_MS_MAX = 2000

let scratch: string | undefined
/** A directory that holds one file with the given bytes, and is gone with the process. */
function directoryWith(name: string, bytes: Uint8Array): string {
  scratch ??= mkdtempSync(join(tmpdir(), 'aevir-fuzz-'))
  const directory = join(scratch, name)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, name), bytes)
  return directory
}
function clean(): void {
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true })
  scratch = undefined
}

const integer = (size: number, value: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => Math.floor(value / 256 ** (size - 1 - index)) % 256)
const checkOf = (...parts: readonly Uint8Array[]): Uint8Array =>
  createHash('sha256')
    .update(concatBytes(...parts))
    .digest()
    .subarray(0, 8)

/** The layout of `wal-file.ts`, written down a second time. */
function walFiles(prng: Prng): Uint8Array[] {
  return prng.times(20, () => {
    const salt = prng.bytes(16)
    const domain = concatBytes(
      integer(1, 2),
      integer(1, 1),
      integer(8, 3),
      integer(8, 31_337),
      hexToBytes(committeeHash),
    )
    const head = concatBytes(new TextEncoder().encode('AEVIRWAL'), domain, salt)
    let size = 0
    const frames = prng.times(prng.below(8), () => {
      const framed = frameRecord(anyRecord(prng, SHAPE), size, salt)
      size += framed.length
      return framed
    })
    return concatBytes(head, checkOf(head), ...frames)
  })
}

/** The layout of `vote-guard.ts`, written down a second time. */
function guardFiles(prng: Prng): Uint8Array[] {
  return prng.times(20, () => {
    const head = concatBytes(new TextEncoder().encode('AEVGUARD'), integer(1, 1), hexToBytes(NODE))
    let check = checkOf(head)
    const records = prng.times(prng.below(8), () => {
      const codes = [integer(1, prng.below(2)), integer(1, prng.below(4))]
      const body = concatBytes(
        ...codes,
        integer(8, prng.below(3)),
        integer(8, prng.between(1, 9)),
        prng.bytes(32),
      )
      check = checkOf(check, body)
      return concatBytes(body, check)
    })
    return concatBytes(head, ...records)
  })
}

const guardName = `${NODE.slice(2, 18)}.votes`

export const FILE_TARGETS: readonly Target[] = [
  target({
    name: 'wal-file',
    values: walFiles,
    encode: (bytes: Uint8Array) => bytes,
    decode: async (bytes) => {
      const directory = directoryWith(WAL_FILE_NAME, bytes)
      const { log } = await WalFile.open({ directory, context, onFailure: () => {} })
      await log.close()
    },
    errors: ['WAL_DAMAGED', 'WAL_OF_ANOTHER_COMMITTEE'],
    timeMsMax: TIME_MS_MAX,
    close: clean,
  }),
  target({
    name: 'guard-file',
    values: guardFiles,
    encode: (bytes: Uint8Array) => bytes,
    decode: async (bytes) => {
      const guard = await VoteGuard.open(directoryWith(guardName, bytes), NODE)
      guard.highest('witness', 1 as Epoch)
      await guard.close()
    },
    errors: ['GUARD_DAMAGED'],
    timeMsMax: TIME_MS_MAX,
    close: clean,
  }),
  target({
    name: 'chain-file',
    values: (prng) =>
      prng.times(10, () =>
        concatBytes(
          ...sample(prng, anyHeader, prng.below(4)).map((header) =>
            encodeBlock(blockFromParts(header, [], header.withdrawalsRoot === undefined ? undefined : [])),
          ),
        ),
      ),
    encode: (bytes: Uint8Array) => bytes,
    decode: async (bytes) => {
      const path = join(directoryWith('chain.rlp', bytes), 'chain.rlp')
      let count = 0
      for await (const { position } of readChainFile(path)) count += position
      return count
    },
    errors: ['INVALID_CHAIN_FILE'],
    timeMsMax: TIME_MS_MAX,
    close: clean,
  }),
]
