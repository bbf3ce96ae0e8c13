/**
 * The powers of a development node ({@link DevControls}): mining on demand, time travel, state changes, snapshots,
 * impersonation. A restarted node keeps the changes of state and its settings (`dev-settings.ts` says which).
 */
import { assert } from '../../primitives/assert.ts'
import { bytesToHash, equalBytes, ZERO_ADDRESS, type Address, type Hash } from '../../primitives/bytes.ts'
import { keccak256, keccak256Hash } from '../../primitives/keccak.ts'
import { hexToBytes } from '../../primitives/bytes.ts'
import type { Transaction } from '../../chain/transaction.ts'
import type { SoloSealer } from '../../consensus/solo-sealer.ts'
import type { BlockAttributes } from '../../execution/environment.ts'
import type { Offer } from '../../execution/executor.ts'
import type { DevControls, DevInfo, UnsignedTransaction } from '../../rpc/backend.ts'
import type { StateDiff } from '../../state/state-reader.ts'
import type { Blockchain } from '../blockchain.ts'
import type { DevAccounts } from './dev-accounts.ts'
import { decodeDevSettings, encodeDevSettings, type BlockSettings, type DevSettings } from './dev-settings.ts'
import { DevTime, type DevTimeSettings } from './dev-time.ts'
import { accountLayer, slotLayer, type WaitingChanges } from './state-overlay.ts'
import { fillTransaction } from './fill-transaction.ts'
import { dumpState, parseStateDump } from './state-dump.ts'

/** What a snapshot remembers beside the block it stands on. */
interface Snapshot {
  readonly number: bigint
  readonly hash: Hash
  readonly changes: WaitingChanges
  readonly time: DevTimeSettings
  /** What waited in the pool. */
  readonly waiting: readonly Offer[]
}

/** Snapshots that are remembered; the oldest one makes way. */
const SNAPSHOTS_MAX = 10_000
/** Where the ledger keeps the settings. */
const SETTINGS_KEY = 'development'

export interface DevNodeOptions {
  readonly accounts: DevAccounts
  readonly nowMs: () => number
  /** Makes each start distinguishable. */
  readonly instanceSeed: Uint8Array
  /** Adds a transaction to the pool and lets the sealer know. */
  admit(transaction: Transaction, sender: Address): Promise<void>
  /** Gas that the transaction needs. */
  estimateGas(unsigned: UnsignedTransaction): Promise<bigint>
}

export class DevNode implements DevControls {
  private readonly options: DevNodeOptions
  private readonly time: DevTime
  private readonly block: BlockSettings = freshBlockSettings()
  private readonly snapshots = new Map<number, Snapshot>()
  private nextSnapshot = 1
  private minGasPrice = 0n
  private instance: Hash
  private parts: { readonly chain: Blockchain; readonly sealer: SoloSealer } | undefined

  constructor(options: DevNodeOptions) {
    this.options = options
    this.time = new DevTime(options.nowMs)
    this.instance = keccak256Hash(options.instanceSeed)
  }

  /**
   * Chain and sealer are made with this node's attributes, so they come after it.
   * @throws DevSettingsError
   */
  attach(chain: Blockchain, sealer: SoloSealer): void {
    this.parts = { chain, sealer }
    const kept = chain.ledger.meta(SETTINGS_KEY)
    if (kept !== undefined) this.apply(decodeDevSettings(kept, chain.ledger.headHash()))
    // A chain that was moved ahead of the machine's time stays there after a restart.
    this.time.onBlock(chain.ledger.head().timestamp)
    chain.subscribe((event) => {
      if (event.kind !== 'block') return
      this.time.onBlock(event.block.header.timestamp)
      this.block.nextBaseFee = undefined
      this.block.nextPrevRandao = undefined
    })
    if (kept !== undefined) chain.refresh()
  }

  /** What the block after the given parent says about itself. */
  attributes(parentTimestamp: bigint, parentHash: Hash): BlockAttributes {
    const { nextBaseFee, nextPrevRandao, gasLimit, coinbase } = this.block
    return {
      timestamp: this.time.next(parentTimestamp),
      beneficiary: coinbase,
      prevRandao: nextPrevRandao ?? bytesToHash(keccak256(hexToBytes(parentHash))),
      ...(gasLimit === undefined ? {} : { gasLimit }),
      ...(nextBaseFee === undefined ? {} : { baseFeePerGas: nextBaseFee }),
    }
  }

  // Transactions ----------------------------------------------------------------------------------------------------

  async sendTransaction(unsigned: UnsignedTransaction): Promise<Transaction> {
    const gasLimit = unsigned.gasLimit ?? (await this.options.estimateGas(unsigned))
    const fields = fillTransaction({ ...unsigned, gasLimit }, this.chain)
    const transaction = this.options.accounts.authorize(unsigned.from, fields)
    await this.options.admit(transaction, unsigned.from)
    return transaction
  }

  signMessage(address: Address, message: Uint8Array): Uint8Array {
    return this.options.accounts.signMessage(address, message)
  }

  signDigest(address: Address, digest: Uint8Array): Uint8Array {
    return this.options.accounts.signDigest(address, digest)
  }

  signTransaction(unsigned: UnsignedTransaction): Transaction {
    return this.options.accounts.signTransaction(unsigned.from, fillTransaction(unsigned, this.chain))
  }

  dropTransaction(hash: Hash): boolean {
    return this.chain.pool.remove(hash)
  }

  dropAllTransactions(): void {
    this.chain.pool.clear()
  }

  // Mining ----------------------------------------------------------------------------------------------------------

  async mine(blocks: number, intervalSeconds?: bigint): Promise<readonly Hash[]> {
    const hashes: Hash[] = []
    for (let index = 0; index < blocks; index++) {
      if (intervalSeconds !== undefined && index > 0) {
        const head = this.chain.ledger.head().timestamp
        this.time.setNext(head + (intervalSeconds > 0n ? intervalSeconds : 1n), head)
      }
      hashes.push((await this.sealer.mine()).hash)
    }
    return hashes
  }

  setAutomine(enabled: boolean): void {
    this.sealer.setAutomine(enabled)
  }

  automine(): boolean {
    return this.sealer.automine
  }

  setIntervalMining(intervalMs: number): void {
    this.sealer.setInterval(intervalMs)
  }

  // Time and the next block -----------------------------------------------------------------------------------------

  increaseTime(seconds: bigint): bigint {
    return this.kept(() => this.time.increase(seconds))
  }

  setNextBlockTimestamp(timestamp: bigint): void {
    this.kept(() => this.time.setNext(timestamp, this.chain.ledger.head().timestamp))
  }

  setTime(timestamp: bigint): bigint {
    return this.kept(() => this.time.set(timestamp))
  }

  setBlockTimestampInterval(seconds: bigint | undefined): void {
    this.kept(() => this.time.setBlockInterval(seconds))
  }

  setNextBlockBaseFee(wei: bigint): void {
    this.kept(() => (this.block.nextBaseFee = wei))
    this.chain.refresh()
  }

  setNextPrevRandao(value: Hash): void {
    this.kept(() => (this.block.nextPrevRandao = value))
  }

  setBlockGasLimit(gas: bigint): void {
    this.kept(() => (this.block.gasLimit = gas))
    this.chain.refresh()
  }

  setCoinbase(address: Address): void {
    this.kept(() => (this.block.coinbase = address))
  }

  setMinGasPrice(wei: bigint): void {
    this.kept(() => this.applyMinGasPrice(wei))
  }

  // State -----------------------------------------------------------------------------------------------------------

  setBalance(address: Address, wei: bigint): void {
    this.change(accountLayer(this.chain.latestState(), address, { balance: wei }))
  }

  setNonce(address: Address, nonce: bigint): void {
    this.change(accountLayer(this.chain.latestState(), address, { nonce }))
  }

  setCode(address: Address, code: Uint8Array): void {
    this.change(accountLayer(this.chain.latestState(), address, { code }))
  }

  setStorage(address: Address, slot: bigint, value: bigint): void {
    this.change(slotLayer(this.chain.latestState(), address, slot, value))
  }

  impersonate(address: Address): void {
    this.kept(() => this.options.accounts.impersonate(address))
  }

  stopImpersonating(address: Address): void {
    this.kept(() => this.options.accounts.stopImpersonating(address))
  }

  setAutoImpersonate(enabled: boolean): void {
    this.kept(() => (this.options.accounts.impersonatesAll = enabled))
  }

  isImpersonated(address: Address): boolean {
    return this.options.accounts.isImpersonated(address)
  }

  // Snapshots and history -------------------------------------------------------------------------------------------

  snapshot(): number {
    const id = this.nextSnapshot++
    const { number, hash } = this.chain.head()
    const [oldest] = this.snapshots.keys()
    if (oldest !== undefined && this.snapshots.size >= SNAPSHOTS_MAX) this.snapshots.delete(oldest)
    const { overlay, pool } = this.chain
    const waiting = [...pool.pending().values(), ...pool.queued().values()].flat()
    this.snapshots.set(id, { number, hash, changes: overlay.save(), time: this.time.save(), waiting })
    return id
  }

  async revert(id: number): Promise<boolean> {
    const snapshot = this.snapshots.get(id)
    if (snapshot === undefined) return false
    return this.sealer.exclusively(async () => {
      if (this.chain.ledger.hashOf(snapshot.number) !== snapshot.hash) return false
      this.chain.pool.clear()
      this.chain.unwind(snapshot.number, { returnTransactions: false })
      this.chain.overlay.restore(snapshot.changes)
      this.chain.refresh()
      this.chain.returnToPool(snapshot.waiting)
      this.kept(() => this.time.restore(snapshot.time))
      for (const later of [...this.snapshots.keys()]) if (later >= id) this.snapshots.delete(later)
      return true
    })
  }

  async reset(): Promise<void> {
    await this.sealer.exclusively(async () => {
      this.chain.pool.clear()
      this.chain.unwind(0n, { returnTransactions: false })
      this.snapshots.clear()
      this.kept(() => {
        this.time.restore({ offsetSeconds: 0n, nextTimestamp: undefined, blockInterval: undefined })
        Object.assign(this.block, freshBlockSettings())
      })
      this.chain.refresh()
      this.instance = keccak256Hash(hexToBytes(this.instance))
    })
  }

  async reorg(depth: number): Promise<void> {
    const { number } = this.chain.head()
    assert(BigInt(depth) <= number, 'a reorganisation reaches back to the first block at most')
    await this.sealer.exclusively(async () => {
      this.chain.unwind(number - BigInt(depth), { returnTransactions: false })
    })
    await this.mine(depth)
  }

  dumpState(): Uint8Array {
    return dumpState(this.chain)
  }

  async loadState(dump: Uint8Array): Promise<void> {
    this.change(parseStateDump(dump))
  }

  info(): DevInfo {
    return {
      instanceId: this.instance,
      automine: this.sealer.automine,
      intervalMs: this.sealer.intervalMs,
      timeOffsetSeconds: this.time.save().offsetSeconds,
      minGasPrice: this.minGasPrice,
      blockGasLimit: this.block.gasLimit ?? this.chain.ledger.head().gasLimit,
    }
  }

  /** Makes a change of the settings, and keeps it; one that cannot be kept is not made. */
  private kept<T>(change: () => T): T {
    const before = this.settings()
    const result = change()
    try {
      const { ledger } = this.chain
      const bytes = encodeDevSettings(this.settings(), ledger.headHash())
      const stored = ledger.meta(SETTINGS_KEY)
      if (stored === undefined || !equalBytes(stored, bytes)) ledger.setMeta(SETTINGS_KEY, bytes)
    } catch (error) {
      this.apply(before)
      throw error
    }
    return result
  }

  private settings(): DevSettings {
    const { accounts } = this.options
    return {
      time: this.time.save(),
      block: { ...this.block },
      minGasPrice: this.minGasPrice,
      impersonated: accounts.impersonatedAddresses(),
      impersonatesAll: accounts.impersonatesAll,
    }
  }

  private apply({ time, block, minGasPrice, impersonated, impersonatesAll }: DevSettings): void {
    this.time.restore(time)
    Object.assign(this.block, block)
    this.applyMinGasPrice(minGasPrice)
    this.options.accounts.restoreImpersonated(impersonated)
    this.options.accounts.impersonatesAll = impersonatesAll
  }

  private applyMinGasPrice(wei: bigint): void {
    this.minGasPrice = wei
    this.chain.pool.setPriceMin(wei)
  }

  private change(layer: StateDiff): void {
    this.chain.overlay.add(layer)
    this.chain.refresh()
  }

  private get chain(): Blockchain {
    assert(this.parts !== undefined, 'attached')
    return this.parts.chain
  }

  private get sealer(): SoloSealer {
    assert(this.parts !== undefined, 'attached')
    return this.parts.sealer
  }
}

function freshBlockSettings(): BlockSettings {
  return { nextBaseFee: undefined, nextPrevRandao: undefined, gasLimit: undefined, coinbase: ZERO_ADDRESS }
}
