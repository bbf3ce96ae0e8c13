/**
 * A node as far as the RPC server sees one: a chain in memory whose blocks a test makes up (nothing is executed), a pool
 * that is a map, development controls that write down what they were asked.
 */
import type { Block, Header } from '../../src/chain/block.ts'
import { blockFromParts, EMPTY_OMMERS_HASH } from '../../src/chain/block-codec.ts'
import { bloomOfLogs, mergeBlooms } from '../../src/chain/bloom.ts'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import type { Log, Receipt } from '../../src/chain/receipt.ts'
import { decodeTransaction } from '../../src/chain/transaction-codec.ts'
import { recoverSender, signTransaction } from '../../src/chain/transaction-signature.ts'
import type { Transaction } from '../../src/chain/transaction.ts'
import { environmentAfter, environmentOf } from '../../src/execution/environment.ts'
import {
  COMMIT_STATES,
  StateUnavailableError,
  type CommitState,
  type Ledger,
  type LedgerState,
  type TransactionLocation,
} from '../../src/execution/ledger.ts'
import type { DropReason, PooledTransaction, TransactionPool } from '../../src/pool/transaction-pool.ts'
import { assert, present } from '../../src/primitives/assert.ts'
import {
  EMPTY_BYTES,
  toHash,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Address,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { privateKeyToAddress } from '../../src/primitives/secp256k1.ts'
import type { Backend, DevControls, NodeEvent } from '../../src/rpc/backend.ts'
import type { ConsensusView } from '../../src/rpc/consensus-view.ts'
import type { MemoryState } from '../../src/state/memory-state.ts'
import { addressOf, smallConfig, smallWorld } from './small-world.ts'

export const SENDER_KEY: Uint8Array = new Uint8Array(32).fill(7)
export const SENDER: Address = privateKeyToAddress(SENDER_KEY)
/** Has a balance of 1,000 wei, nonce 1, code `0x6001` and 28 in slot 0. */
export const CONTRACT: Address = addressOf(0xc0de)
export const TOPIC: Hash = toHash(`0x${'11'.repeat(32)}`)

const GAS = 21_000n
const INSTANCE_ID: Hash = toHash(`0x${'ab'.repeat(32)}`)

/** A signed transaction of the one account that has a key. */
export function signedTransaction(nonce: bigint, to: Address | null = CONTRACT): Transaction {
  const fees = { maxPriorityFeePerGas: 2n, maxFeePerGas: 2_000_000_000n }
  const call = { gasLimit: GAS, to, value: 5n, data: EMPTY_BYTES, accessList: [] }
  return signTransaction({ type: 2, chainId: 31_337n, nonce, ...fees, ...call }, SENDER_KEY)
}

export function logOf(address: Address, ...topics: readonly Hash[]): Log {
  return { address, topics, data: Uint8Array.of(1, 2) }
}

export class FakeBackend implements Backend {
  readonly clientVersion = 'Aevir/0.0.0/test'
  readonly config = smallConfig()
  readonly ledger: Ledger
  readonly pool: TransactionPool
  readonly dev: DevControls | undefined
  consensus: ConsensusView | undefined
  /** Calls of development controls, in order. */
  readonly devCalls: [name: string, ...params: unknown[]][] = []
  /** What a development control gives back, by name. */
  readonly devAnswers: Record<string, (...params: never[]) => unknown> = {
    snapshot: () => 1,
    revert: () => Promise.resolve(true),
    mine: () => Promise.resolve([this.addBlock().hash]),
    increaseTime: (seconds: bigint) => seconds,
    setTime: () => 0n,
    automine: () => true,
    isImpersonated: () => true,
    dropTransaction: () => true,
    dumpState: () => Uint8Array.of(1),
    signMessage: () => new Uint8Array(65).fill(1),
    signDigest: () => new Uint8Array(65).fill(2),
    signTransaction: () => signedTransaction(0n),
    sendTransaction: () => Promise.resolve(signedTransaction(0n)),
    info: () => ({
      instanceId: INSTANCE_ID,
      automine: true,
      intervalMs: 0,
      timeOffsetSeconds: 0n,
      minGasPrice: 0n,
      blockGasLimit: 30_000_000n,
    }),
  }
  readonly blocks: Block[] = []
  readonly receipts: Receipt[][] = []
  readonly pooled = new Map<Hash, PooledTransaction>()
  readonly droppedReasons = new Map<Hash, DropReason>()
  readonly listeners = new Set<(event: NodeEvent) => void>()
  readonly committed = new Map<CommitState, bigint>(COMMIT_STATES.map((state) => [state, 0n]))
  /** Oldest block whose state is kept. */
  oldestState = 0n
  /** What submitting a transaction does instead of queueing it. */
  onSubmit: ((transaction: Transaction) => void) | undefined
  readonly state: MemoryState = smallWorld(
    new Map([
      [SENDER, { balance: 10n ** 18n }],
      [CONTRACT, { balance: 1_000n, nonce: 1n, code: Uint8Array.of(0x60, 0x01), storage: { '0': 28n } }],
    ]),
  )

  constructor({ isDevelopment = true }: { isDevelopment?: boolean } = {}) {
    this.ledger = fakeLedger(this)
    this.pool = fakePool(this)
    this.dev = isDevelopment ? this.#recordingControls() : undefined
    this.addBlock()
  }

  readonly accounts = (): readonly Address[] => [SENDER]

  latestState(): MemoryState {
    return this.state
  }

  stateAt(number: bigint): LedgerState {
    return this.ledger.stateAt(number)
  }

  stateBefore(number: bigint): LedgerState {
    return this.ledger.stateAt(number - 1n)
  }

  nextEnvironment(): ReturnType<Backend['nextEnvironment']> {
    const parent = this.ledger.head()
    const attributes = { timestamp: parent.timestamp + 1n, beneficiary: ZERO_ADDRESS, prevRandao: ZERO_HASH }
    return environmentAfter(parent, this.ledger.headHash(), attributes, this.config, () => undefined)
  }

  environmentOf(number: bigint): ReturnType<Backend['environmentOf']> {
    return environmentOf(present(this.ledger.header(number), 'header'), this.config, () => undefined)
  }

  pendingBlock(): ReturnType<Backend['pendingBlock']> {
    const transactions = [...this.pooled.values()].map(({ transaction }) => transaction)
    const { block, receipts } = this.#build(transactions, [])
    return Promise.resolve({ block, receipts, senders: transactions.map(() => SENDER), state: this.state })
  }

  submit(bytes: Uint8Array): Promise<Transaction> {
    const transaction = decodeTransaction(bytes)
    if (this.onSubmit === undefined) this.addToPool(transaction)
    else this.onSubmit(transaction)
    return Promise.resolve(transaction)
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  emit(event: NodeEvent): void {
    for (const listener of this.listeners) listener(event)
  }

  addToPool(transaction: Transaction): PooledTransaction {
    const sender = present(recoverSender(transaction), 'sender')
    const pooled = { transaction, sender, arrival: this.pooled.size }
    this.pooled.set(transaction.hash, pooled)
    this.emit({ kind: 'transaction', pooled })
    return pooled
  }

  /** Appends a block; `logs[i]` are those of transaction i. */
  addBlock(transactions: readonly Transaction[] = [], logs: readonly (readonly Log[])[] = []): Block {
    const { block, receipts } = this.#build(transactions, logs)
    this.blocks.push(block)
    this.receipts.push(receipts)
    this.committed.set('preconfirmed', block.header.number)
    for (const { hash } of transactions) this.pooled.delete(hash)
    this.emit({ kind: 'block', block, receipts })
    return block
  }

  /** Raises the commit state of all blocks up to `number`. */
  commit(state: CommitState, number: bigint): void {
    this.committed.set(state, number)
    this.emit({ kind: 'committed', state, number })
  }

  /** Takes the head off. */
  revoke(): Block {
    const block = present(this.blocks.pop(), 'block')
    this.emit({ kind: 'revoked', block, receipts: present(this.receipts.pop(), 'receipts') })
    return block
  }

  #build(
    transactions: readonly Transaction[],
    logs: readonly (readonly Log[])[],
  ): { block: Block; receipts: Receipt[] } {
    const parent = this.blocks.at(-1)
    const receipts = transactions.map((transaction, index): Receipt => ({
      type: transaction.fields.type,
      succeeded: true,
      cumulativeGasUsed: GAS * BigInt(index + 1),
      logsBloom: bloomOfLogs(logs[index] ?? []),
      logs: logs[index] ?? [],
      gasUsed: GAS,
      effectiveGasPrice: 1_000_000_002n,
      contractAddress: transaction.fields.to === null ? addressOf(0xbeef) : null,
    }))
    const header: Header = {
      parentHash: parent?.hash ?? ZERO_HASH,
      ommersHash: EMPTY_OMMERS_HASH,
      beneficiary: ZERO_ADDRESS,
      stateRoot: this.state.root,
      transactionsRoot: EMPTY_TRIE_ROOT,
      receiptsRoot: EMPTY_TRIE_ROOT,
      logsBloom: mergeBlooms(receipts.map(({ logsBloom }) => logsBloom)),
      difficulty: 0n,
      number: BigInt(this.blocks.length),
      gasLimit: 30_000_000n,
      gasUsed: GAS * BigInt(transactions.length),
      timestamp: 1_700_000_000n + BigInt(this.blocks.length),
      extraData: EMPTY_BYTES,
      prevRandao: ZERO_HASH,
      nonce: new Uint8Array(8),
      baseFeePerGas: 1_000_000_000n,
      withdrawalsRoot: EMPTY_TRIE_ROOT,
      blobGasUsed: 0n,
      excessBlobGas: 0n,
      parentBeaconBlockRoot: ZERO_HASH,
      requestsHash: ZERO_HASH,
    }
    return { block: blockFromParts(header, transactions, []), receipts }
  }

  #recordingControls(): DevControls {
    const handler: ProxyHandler<DevControls> = {
      get:
        (_, name) =>
        (...params: never[]) => {
          this.devCalls.push([String(name), ...params])
          return this.devAnswers[String(name)]?.(...params)
        },
    }
    // The proxy answers to every name, so that it has all the members.
    return new Proxy({} as DevControls, handler)
  }
}

function fakeLedger(backend: FakeBackend): Ledger {
  const { blocks, receipts } = backend
  const at = <T>(list: readonly T[], number: bigint): T | undefined => list[Number(number)]
  const locate = (hash: Hash): TransactionLocation | undefined => {
    for (const block of blocks) {
      const index = block.transactions.findIndex((transaction) => transaction.hash === hash)
      if (index >= 0) return { blockNumber: block.header.number, index }
    }
    return undefined
  }
  return {
    head: () => present(blocks.at(-1), 'head').header,
    headHash: () => present(blocks.at(-1), 'head').hash,
    committed: (state) => present(backend.committed.get(state), state),
    header: (number) => at(blocks, number)?.header,
    hashOf: (number) => at(blocks, number)?.hash,
    numberOf: (hash) => blocks.find((block) => block.hash === hash)?.header.number,
    block: (number) => at(blocks, number),
    senders: (number) => at(blocks, number)?.transactions.map(() => SENDER),
    receipts: (number) => at(receipts, number),
    transaction: locate,
    oldestState: () => backend.oldestState,
    accounts: () => [SENDER, CONTRACT],
    slots: (address) => (address === CONTRACT ? [0n] : []),
    stateAt(number) {
      assert(number < BigInt(blocks.length), 'the block exists')
      if (number < backend.oldestState) throw new StateUnavailableError(number, backend.oldestState)
      const { state } = backend
      return {
        blockNumber: number,
        stateRoot: state.root,
        account: (address) => state.account(address),
        storage: (address, slot) => state.storage(address, slot),
        code: (hash) => state.code(hash),
        trieNode: (owner, path) => state.trieNode(owner, path),
      }
    },
  }
}

function fakePool(backend: FakeBackend): TransactionPool {
  const { pooled } = backend
  const pending = (): ReadonlyMap<Address, readonly PooledTransaction[]> =>
    pooled.size === 0 ? new Map() : new Map([[SENDER, [...pooled.values()]]])
  return {
    add: (transaction) => backend.addToPool(transaction),
    get: (hash) => pooled.get(hash),
    remove: (hash) => pooled.delete(hash),
    status: () => ({ pending: pooled.size, queued: 0, bytes: 0 }),
    pending,
    queued: () => new Map(),
    nextNonce: (sender) =>
      (backend.state.account(sender)?.nonce ?? 0n) + BigInt(pending().get(sender)?.length ?? 0),
    dropped: (hash) => backend.droppedReasons.get(hash),
  }
}
