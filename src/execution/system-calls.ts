/** Calls that the protocol itself makes around a block's transactions (EIP-2935, 4788, 7002, 7251). */
import { EMPTY_BYTES, hexToBytes, toAddress, type Address } from '../primitives/bytes.ts'
import { BEACON_ROOTS_ADDRESS, HISTORY_STORAGE_ADDRESS } from '../chain/system-contracts.ts'
import type { Journal } from '../state/journal.ts'
import { tier0 } from '../../runtime/evm/engine.ts'
import { precompilesOf } from '../../runtime/evm/precompiles/table.ts'
import type { Engine } from '../../runtime/host.ts'
import { runCall } from './driver.ts'
import type { BlockEnvironment } from './environment.ts'
import { InvalidBlockError } from './errors.ts'
import { JournalHost } from './journal-host.ts'

/** The caller of system calls; it pays nothing and has no account. */
export const SYSTEM_ADDRESS: Address = toAddress('0xfffffffffffffffffffffffffffffffffffffffe')
/** Gas of a system call; it counts towards no limit. */
export const SYSTEM_CALL_GAS = 30_000_000n

/** Before the first transaction: the beacon root (EIP-4788) and the parent's hash (EIP-2935). */
export function beginBlock(journal: Journal, environment: BlockEnvironment, engine: Engine = tier0): void {
  if (environment.number === 0n) return
  const root = hexToBytes(environment.parentBeaconBlockRoot)
  systemCall(journal, environment, BEACON_ROOTS_ADDRESS, root, engine)
  if (!environment.rules.hasHistoryContract) return
  const parentHash = hexToBytes(environment.parentHash)
  systemCall(journal, environment, HISTORY_STORAGE_ADDRESS, parentHash, engine)
}

/**
 * Takes the requests that a contract has queued.
 * @throws InvalidBlockError when the contract is missing or fails: such a block is invalid (EIP-7002, 7251).
 */
export function takeRequests(
  journal: Journal,
  environment: BlockEnvironment,
  contract: Address,
  engine: Engine = tier0,
): Uint8Array {
  if (journal.codeOf(contract).length === 0) {
    throw new InvalidBlockError('systemCall', `the system contract at ${contract} has no code`)
  }
  const output = systemCall(journal, environment, contract, EMPTY_BYTES, engine)
  if (output === undefined)
    throw new InvalidBlockError('systemCall', `the system contract at ${contract} failed`)
  return output
}

/** @returns the output, or `undefined` when the call failed. A missing contract returns nothing and changes nothing. */
function systemCall(
  journal: Journal,
  environment: BlockEnvironment,
  to: Address,
  input: Uint8Array,
  engine: Engine,
): Uint8Array | undefined {
  if (journal.codeOf(to).length === 0) return EMPTY_BYTES
  const { rules, baseFeePerGas } = environment
  const transaction = { origin: SYSTEM_ADDRESS, gasPrice: baseFeePerGas, blobVersionedHashes: [] }
  const precompiles = precompilesOf(rules.evm)
  const host = new JournalHost(journal, environment, transaction, precompiles, undefined)
  const { outcome } = runCall(
    { journal, host, engine, rules, precompiles, tracer: undefined },
    {
      kind: 'call',
      gas: SYSTEM_CALL_GAS,
      to,
      codeAddress: to,
      isDelegated: false,
      caller: SYSTEM_ADDRESS,
      value: 0n,
      transfersValue: false,
      isStatic: false,
      input,
    },
  )
  journal.endTransaction()
  return outcome.kind === 'return' ? outcome.output : undefined
}
