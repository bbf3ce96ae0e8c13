/**
 * Blockchain tests (ethereum/tests, execution-spec-tests): a genesis and blocks as RLP, some of which must be refused;
 * compared are the last valid block's hash and the accounts at the end. Two layouts: a JSON object of fixtures, or
 * packed lines.
 */
import type { Hash } from '../../../src/primitives/bytes.ts'
import { AevirError } from '../../../src/primitives/errors.ts'
import type { Block } from '../../../src/chain/block.ts'
import { decodeBlock } from '../../../src/chain/block-codec.ts'
import type { ChainConfig } from '../../../src/chain/forks.ts'
import { recoverSender } from '../../../src/chain/transaction-signature.ts'
import { verifyBlock } from '../../../src/execution/block.ts'
import type { BlockExecutor } from '../../../src/execution/executor.ts'
import type { ExecutedBlock } from '../../../src/execution/ledger.ts'
import { memoryStateOf, type GenesisAlloc } from '../../../src/state/genesis-state.ts'
import type { MemoryState } from '../../../src/state/memory-state.ts'
import {
  allocOf,
  chainConfigOf,
  expectAccounts,
  type FixtureAlloc,
  type FixtureConfig,
} from '../chain-fixtures.ts'
import { executionOf } from '../engines.ts'
import { fixtureEntries } from '../fixture-files.ts'
import { bytesOf } from '../fixture-values.ts'
import { expectEqual, SkippedCase, type Suite } from '../suite.ts'

interface BlockchainFixture {
  readonly network: string
  readonly genesisRLP: string
  readonly pre: FixtureAlloc
  /** Absent in fixtures of the engine API, which hold payloads instead. */
  readonly blocks?: readonly FixtureBlock[]
  readonly lastblockhash: string
  readonly postState?: FixtureAlloc | null
  readonly postStateHash?: string
  readonly config?: FixtureConfig
}

interface FixtureBlock {
  readonly rlp: string
  readonly expectException?: string
  /** Fillers of another time write `expectExceptionALL` or name a network. */
  readonly [key: `expectException${string}`]: string | undefined
}

export const blockchainSuite: Suite = {
  async *cases({ files, slice }, options) {
    const { executor } = await executionOf(options.engine)
    for (const file of files) {
      for (const [id, value] of fixtureEntries(file, slice)) {
        yield { id, run: () => runFixture(value as BlockchainFixture, executor) }
      }
    }
  },
}

async function runFixture(fixture: BlockchainFixture, executor: BlockExecutor): Promise<void> {
  if (fixture.blocks === undefined) throw new SkippedCase('fixtures of the engine API')
  const config = chainConfigOf(fixture.network, fixture.config)
  const chain = new FixtureChain(
    config,
    decodeBlock(bytesOf(fixture.genesisRLP)),
    allocOf(fixture.pre),
    executor,
  )
  for (const [index, block] of fixture.blocks.entries()) {
    const refusal = await chain.add(bytesOf(block.rlp))
    const expectException = exceptionOf(block, fixture.network)
    const position = `block ${index + 1} of ${fixture.blocks.length}`
    if (expectException === undefined && refusal !== undefined)
      throw new Error(`${position} was refused: ${refusal}`)
    if (expectException !== undefined && refusal === undefined) {
      throw new Error(`${position} was accepted, must be: ${expectException}`)
    }
  }
  expectEqual(chain.head.hash, fixture.lastblockhash, 'hash of the last block')
  if (fixture.postState !== undefined && fixture.postState !== null) {
    expectAccounts(chain.state, fixture.postState)
    expectEqual(
      memoryStateOf(allocOf(fixture.postState)).root,
      chain.state.root,
      'root of the accounts at the end',
    )
  }
  if (fixture.postStateHash !== undefined)
    expectEqual(chain.state.root, fixture.postStateHash, 'state root at the end')
}

function exceptionOf(block: FixtureBlock, network: string): string | undefined {
  return block.expectException ?? block['expectExceptionALL'] ?? block[`expectException${network}`]
}

/** A chain in memory, whose head is the last block that was valid. Blocks may stand on any earlier block. */
class FixtureChain {
  state: MemoryState
  head: Block
  private readonly config: ChainConfig
  private readonly executor: BlockExecutor
  private readonly alloc: GenesisAlloc
  private readonly blocks = new Map<Hash, Block>()
  private readonly executions = new Map<Hash, ExecutedBlock>()

  constructor(config: ChainConfig, genesis: Block, alloc: GenesisAlloc, executor: BlockExecutor) {
    this.config = config
    this.executor = executor
    this.alloc = alloc
    this.state = memoryStateOf(alloc)
    this.head = genesis
    this.blocks.set(genesis.hash, genesis)
    expectEqual(this.state.root, genesis.header.stateRoot, 'state root of the genesis')
  }

  /** Adds a block; the result says why it is invalid. */
  async add(rlp: Uint8Array): Promise<string | undefined> {
    try {
      const block = decodeBlock(rlp)
      const parent = this.blocks.get(block.header.parentHash)
      if (parent === undefined) return `the parent ${block.header.parentHash} is not known`
      if (parent !== this.head) this.moveTo(parent)
      const executed = await verifyBlock(this.executor, {
        parent: { header: parent.header, hash: parent.hash, state: this.state },
        block,
        senders: block.transactions.map(recoverSender),
        config: this.config,
        hashes: (number) => this.ancestorAt(parent, number)?.hash,
        policy: { hasFreeLimits: false },
      })
      this.blocks.set(block.hash, block)
      this.executions.set(block.hash, executed)
      this.apply(executed)
      return undefined
    } catch (error) {
      if (error instanceof AevirError) return error.message
      throw error
    }
  }

  private apply({ block, stateDiff, trieDiff, accounts }: ExecutedBlock): void {
    this.state.apply({ root: block.header.stateRoot, nodes: trieDiff, accounts }, stateDiff)
    this.head = block
  }

  /** Rebuilds the state behind an earlier block. */
  private moveTo(target: Block): void {
    const path: ExecutedBlock[] = []
    for (let at = this.executions.get(target.hash); at !== undefined;) {
      path.push(at)
      at = this.executions.get(at.block.header.parentHash)
    }
    this.state = memoryStateOf(this.alloc)
    this.head = target
    for (const executed of path.toReversed()) this.apply(executed)
  }

  private ancestorAt(descendant: Block, number: bigint): Block | undefined {
    let at: Block | undefined = descendant
    while (at !== undefined && at.header.number > number) at = this.blocks.get(at.header.parentHash)
    return at
  }
}
