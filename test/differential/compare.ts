/**
 * Runs a case on our execution and on the reference, transaction by transaction, and says where they first differ: in
 * accepting it, in any part of its result, or in the state root afterwards. Ours comes from our trie, theirs from
 * @ethereumjs/mpt over all accounts, built anew each time.
 */
import { bytesToHash, bytesToHex, type Hash } from '../../src/primitives/bytes.ts'
import type { GenesisAccount } from '../../src/chain/genesis.ts'
import { createSessions } from '../../src/execution/engines.ts'
import { InvalidTransactionError } from '../../src/execution/errors.ts'
import type { Offer } from '../../src/execution/executor.ts'
import { GAS_PER_BLOB } from '../../src/execution/fees.ts'
import type { TransactionResult } from '../../src/execution/message.ts'
import type { TransactionSession } from '../../src/execution/transaction-session.ts'
import { memoryStateOf } from '../../src/state/genesis-state.ts'
import type { MemoryState } from '../../src/state/memory-state.ts'
import type { StateDiff } from '../../src/state/state-reader.ts'
import { commitState } from '../../src/state/state-tree.ts'
import { referenceTrie, type World } from '../support/random-state.ts'
import { environmentOf, type Case } from './case.ts'

/** What became of a transaction: its result, why it was refused, or what went wrong with the executor itself. */
export type Attempt =
  | { readonly kind: 'ran'; readonly result: TransactionResult }
  | { readonly kind: 'refused'; readonly refusal: InvalidTransactionError }
  | { readonly kind: 'crashed'; readonly error: unknown }

export interface Difference {
  /** Index of the transaction. */
  readonly transaction: number
  readonly what: string
  readonly ours: string
  readonly theirs: string
}

export interface Comparison {
  /** What our execution made of each transaction, up to and including one that differs. */
  readonly attempts: readonly Attempt[]
  readonly difference: Difference | undefined
}

/** @param engine the engine to compare with the reference. */
export async function compareCase(
  { block, accounts, transactions }: Case,
  engine = 'tier0',
): Promise<Comparison> {
  const state = memoryStateOf(accounts)
  const environment = environmentOf(block)
  const ours = await (await createSessions(engine))(state, environment)
  const theirs = await (await createSessions('reference'))(state, environment)
  const allowance = {
    gas: block.gasLimit,
    blobGas: BigInt(environment.rules.blobs.max) * GAS_PER_BLOB,
  }
  const attempts: Attempt[] = []
  for (const [index, offer] of transactions.entries()) {
    const our = await attempt(ours, offer, allowance)
    const their = await attempt(theirs, offer, allowance)
    attempts.push(our)
    const found = differenceOf(our, their) ?? (await stateDifference(state, accounts, ours, theirs))
    if (found !== undefined) return { attempts, difference: { transaction: index, ...found } }
  }
  return { attempts, difference: undefined }
}

async function attempt(
  session: TransactionSession,
  offer: Offer,
  allowance: { readonly gas: bigint; readonly blobGas: bigint },
): Promise<Attempt> {
  try {
    return { kind: 'ran', result: await session.execute(offer, allowance) }
  } catch (error) {
    if (error instanceof InvalidTransactionError) return { kind: 'refused', refusal: error }
    return { kind: 'crashed', error }
  }
}

type Finding = Omit<Difference, 'transaction'>

/** Reasons are not compared: of several faults each side names the one that it sees first. */
function differenceOf(ours: Attempt, theirs: Attempt): Finding | undefined {
  if (ours.kind === 'ran' && theirs.kind === 'ran') {
    const theirFacts = factsOf(theirs.result)
    for (const [what, our] of Object.entries(factsOf(ours.result))) {
      const their = theirFacts[what] ?? ''
      if (our !== their) return { what, ours: our, theirs: their }
    }
    return undefined
  }
  if (ours.kind === 'refused' && theirs.kind === 'refused') return undefined
  return { what: 'validity', ours: describe(ours), theirs: describe(theirs) }
}

/** A result's parts as text. The reason of a halt is not among them: it is not part of consensus. */
export function factsOf(result: TransactionResult): Readonly<Record<string, string>> {
  const { status, gasUsed, gasSpent, output, logs, contractAddress, effectiveGasPrice, blobGasUsed } = result
  return {
    status,
    gasUsed: String(gasUsed),
    gasSpent: String(gasSpent),
    output: bytesToHex(output),
    logs: logs
      .map(({ address, topics, data }) => [address, ...topics, bytesToHex(data)].join(' '))
      .join('; '),
    contractAddress: String(contractAddress),
    effectiveGasPrice: String(effectiveGasPrice),
    blobGasUsed: String(blobGasUsed),
  }
}

function describe(attempt: Attempt): string {
  switch (attempt.kind) {
    case 'ran':
      return `ran and ${attempt.result.status}`
    case 'refused':
      return `refused: ${attempt.refusal.message}`
    case 'crashed':
      return `crashed: ${attempt.error instanceof Error ? attempt.error.stack : String(attempt.error)}`
  }
}

async function stateDifference(
  state: MemoryState,
  accounts: Case['accounts'],
  ours: TransactionSession,
  theirs: TransactionSession,
): Promise<Finding | undefined> {
  const ourDiff = ours.diff()
  const ourRoot = commitState(state, state.root, ourDiff).root
  const theirWorld = worldAfter(accounts, theirs.diff())
  const theirRoot = await rootOf(theirWorld)
  if (ourRoot === theirRoot) return undefined
  return (
    worldDifference(worldAfter(accounts, ourDiff), theirWorld) ?? {
      what: 'state root',
      ours: ourRoot,
      theirs: theirRoot,
    }
  )
}

async function rootOf(world: World): Promise<Hash> {
  return bytesToHash((await referenceTrie(world)).root())
}

/** The accounts of a state after a change. */
function worldAfter(accounts: Case['accounts'], diff: StateDiff): World {
  const world: World = new Map(accounts)
  for (const [address, account] of diff.accounts) {
    if (account === null) {
      world.delete(address)
      continue
    }
    const before = accounts.get(address)
    const slots = new Map(diff.clearedStorage.has(address) ? [] : before?.storage)
    for (const [slot, value] of diff.storage.get(address) ?? []) {
      if (value === 0n) slots.delete(slot)
      else slots.set(slot, value)
    }
    const code = diff.codes.get(account.codeHash) ?? codeBefore(accounts, account.codeHash)
    world.set(address, { nonce: account.nonce, balance: account.balance, code, storage: slots })
  }
  return world
}

function codeBefore(accounts: Case['accounts'], codeHash: Hash): Uint8Array {
  return memoryStateOf(accounts).code(codeHash)
}

/** The first account that differs, told part by part: a root says nothing to a reader. */
function worldDifference(ours: World, theirs: World): Finding | undefined {
  for (const address of new Set([...ours.keys(), ...theirs.keys()])) {
    const [our, their] = [tell(ours.get(address)), tell(theirs.get(address))]
    if (our !== their) return { what: `account ${address}`, ours: our, theirs: their }
  }
  return undefined
}

function tell(account: GenesisAccount | undefined): string {
  if (account === undefined) return 'none'
  const { nonce, balance, code, storage } = account
  const slots = [...storage]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([slot, value]) => `${slot}=${value}`)
  return `nonce ${nonce} balance ${balance} code ${bytesToHex(code)} storage {${slots.join(', ')}}`
}
