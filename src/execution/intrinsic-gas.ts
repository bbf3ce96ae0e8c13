/** Gas a transaction owes before its first instruction (yellow paper §6, EIP-2028, 2930, 3860, 7623, 7702). */
import type { ForkRules } from '../chain/forks.ts'
import type { CallMessage } from './message.ts'

const BASE = 21_000
const CREATION = 32_000
const PER_ACCESS_LIST_ADDRESS = 2_400
const PER_ACCESS_LIST_SLOT = 1_900
const PER_INITCODE_WORD = 2
/** Charged for each authorization as if its account were new; half comes back when it is not (EIP-7702). */
const AUTHORIZATION_GAS = 25_000
/** A zero byte is one token, any other four (EIP-7623). */
const TOKENS_PER_NONZERO_BYTE = 4
const PER_TOKEN = 4
const FLOOR_PER_TOKEN = 10

export interface IntrinsicGas {
  /** Charged up front. */
  readonly intrinsic: bigint
  /** The least the transaction pays in the end; 0 before Prague. */
  readonly floor: bigint
}

// Numbers are exact here: there would have to be 10¹¹ bytes before they were not.
export function intrinsicGas(
  message: Pick<CallMessage, 'to' | 'data' | 'accessList' | 'authorizationList'>,
  rules: ForkRules,
): IntrinsicGas {
  const tokens = calldataTokens(message.data)
  let intrinsic = BASE + tokens * PER_TOKEN
  if (message.to === null) intrinsic += CREATION + PER_INITCODE_WORD * Math.ceil(message.data.length / 32)
  for (const entry of message.accessList) {
    intrinsic += PER_ACCESS_LIST_ADDRESS + PER_ACCESS_LIST_SLOT * entry.storageKeys.length
  }
  intrinsic += AUTHORIZATION_GAS * message.authorizationList.length
  const floor = rules.hasCalldataFloor ? BASE + tokens * FLOOR_PER_TOKEN : 0
  return { intrinsic: BigInt(intrinsic), floor: BigInt(floor) }
}

function calldataTokens(data: Uint8Array): number {
  let zeros = 0
  // Hot: by index, an iterator takes three times as long.
  for (let i = 0; i < data.length; i++) if (data[i] === 0) zeros++
  return zeros + (data.length - zeros) * TOKENS_PER_NONZERO_BYTE
}
