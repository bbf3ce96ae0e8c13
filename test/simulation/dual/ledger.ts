/**
 * The chain of a simulated node, as its disk has it: real headers and hashes, and in place of an EVM a state root that
 * depends on the parent's and on what the block says. Transactions are numbers; they travel as withdrawals, which have
 * room for a number and no signature to check.
 */
import { blockFromParts, EMPTY_OMMERS_HASH } from '../../../src/chain/block-codec.ts'
import type { Block, Header, Withdrawal } from '../../../src/chain/block.ts'
import type { BlockReference } from '../../../src/consensus/plugin.ts'
import type { BlockAttributes } from '../../../src/execution/environment.ts'
import { InvalidBlockError } from '../../../src/execution/errors.ts'
import type { CommitState } from '../../../src/execution/ledger.ts'
import { present } from '../../../src/primitives/assert.ts'
import {
  bytesToHash,
  concatBytes,
  EMPTY_BYTES,
  hexToBytes,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Hash,
} from '../../../src/primitives/bytes.ts'
import { keccak256 } from '../../../src/primitives/keccak.ts'

/** Seconds since 1970 when a world begins. */
export const GENESIS_SECONDS = 1_700_000_000n
const NUMBER_BYTES = 4
const EMPTY_BLOOM = new Uint8Array(256)
const EMPTY_NONCE = new Uint8Array(8)

type BlockContents = BlockAttributes & { readonly numbers: readonly number[] }

/** What executing these transactions on a parent gives. */
export function makeBlock(parent: Header, parentHash: Hash, contents: BlockContents): Block {
  const { numbers, ...attributes } = contents
  const body = bodyHash(numbers)
  const stateRoot = digest(hexToBytes(parent.stateRoot), hexToBytes(attributes.beneficiary), hexToBytes(body))
  const header: Header = {
    parentHash,
    ommersHash: EMPTY_OMMERS_HASH,
    beneficiary: attributes.beneficiary,
    stateRoot,
    transactionsRoot: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    logsBloom: EMPTY_BLOOM,
    difficulty: 0n,
    number: parent.number + 1n,
    gasLimit: 30_000_000n,
    gasUsed: 0n,
    timestamp: attributes.timestamp,
    extraData: attributes.extraData ?? EMPTY_BYTES,
    prevRandao: attributes.prevRandao,
    nonce: EMPTY_NONCE,
    baseFeePerGas: 7n,
    withdrawalsRoot: body,
    blobGasUsed: 0n,
    excessBlobGas: 0n,
    parentBeaconBlockRoot: attributes.parentBeaconBlockRoot ?? ZERO_HASH,
  }
  return blockFromParts(header, [], numbers.map(withdrawalOf))
}

export function numbersOf({ withdrawals }: Block): number[] {
  return (withdrawals ?? []).map(({ validatorIndex }) => Number(validatorIndex))
}

function withdrawalOf(number: number): Withdrawal {
  return { index: 0n, validatorIndex: BigInt(number), address: ZERO_ADDRESS, amount: 0n }
}

function bodyHash(numbers: readonly number[]): Hash {
  const bytes = new Uint8Array(numbers.length * NUMBER_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [index, number] of numbers.entries()) view.setUint32(index * NUMBER_BYTES, number)
  return digest(bytes)
}

function digest(...parts: readonly Uint8Array[]): Hash {
  return bytesToHash(keccak256(concatBytes(...parts)))
}

/** The same in all worlds. */
export const GENESIS: Block = blockFromParts(
  {
    ...makeBlock({ stateRoot: ZERO_HASH, number: -1n } as Header, ZERO_HASH, {
      timestamp: GENESIS_SECONDS,
      beneficiary: ZERO_ADDRESS,
      prevRandao: ZERO_HASH,
      numbers: [],
    }).header,
  },
  [],
  [],
)

const RANKS: Readonly<Record<CommitState, number>> = { preconfirmed: 0, final: 1, sealed: 2 }

/** A line of blocks; all but the genesis block may be taken back until they are final. */
export class SimulatedLedger {
  private readonly blocks: Block[] = [GENESIS]
  private readonly numbers = new Map<Hash, number>([[GENESIS.hash, 0]])
  /** By transaction: the block that has it. */
  private readonly places = new Map<number, number>()
  private readonly heights: Record<CommitState, number> = { preconfirmed: 0, final: 0, sealed: 0 }

  head(): Block {
    return present(this.blocks.at(-1), 'a head')
  }

  /** Number of the highest block that is at least this far. */
  height(state: CommitState): number {
    return this.heights[state]
  }

  block(number: number): Block | undefined {
    return this.blocks[number]
  }

  numberOf(hash: Hash): number | undefined {
    return this.numbers.get(hash)
  }

  has(transaction: number): boolean {
    return this.places.has(transaction)
  }

  append(block: Block, state: CommitState): void {
    const number = this.blocks.push(block) - 1
    this.numbers.set(block.hash, number)
    for (const transaction of numbersOf(block)) this.places.set(transaction, number)
    this.raise(number, state)
  }

  raise(number: number, state: CommitState): void {
    for (const lower of ['preconfirmed', 'final', 'sealed'] as const) {
      if (RANKS[lower] <= RANKS[state]) this.heights[lower] = Math.max(this.heights[lower], number)
    }
  }

  /** @returns the blocks that were taken back. */
  truncate(number: number): Block[] {
    const removed = this.blocks.splice(number + 1)
    for (const block of removed) {
      this.numbers.delete(block.hash)
      for (const transaction of numbersOf(block)) this.places.delete(transaction)
    }
    // The engines of a quorum may have been wrong: then what was final is taken back, down to what is sealed.
    for (const state of ['preconfirmed', 'final'] as const) {
      this.heights[state] = Math.min(this.heights[state], number)
    }
    return removed
  }

  /** @throws InvalidBlockError unless the block is what executing it on the head gives. */
  check(block: Block): void {
    const parent = this.head()
    const { header } = block
    const refuse = (reason: ConstructorParameters<typeof InvalidBlockError>[0]): never => {
      throw new InvalidBlockError(reason, `block ${header.number} has a wrong ${reason}`)
    }
    if (header.parentHash !== parent.hash) refuse('parent')
    if (header.timestamp < parent.header.timestamp) refuse('timestamp')
    const numbers = numbersOf(block)
    if (new Set(numbers).size !== numbers.length || numbers.some((number) => this.has(number)))
      refuse('transaction')
    const { timestamp, beneficiary, prevRandao, parentBeaconBlockRoot = ZERO_HASH, extraData } = header
    const attributes = { timestamp, beneficiary, prevRandao, parentBeaconBlockRoot, extraData, numbers }
    if (makeBlock(parent.header, parent.hash, attributes).hash !== block.hash) refuse('stateRoot')
  }
}

export function referenceTo(block: Block): BlockReference {
  return { number: block.header.number, hash: block.hash }
}
