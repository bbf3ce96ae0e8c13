/** Cases around limits that random programs do not come near: depth, size of code and initcode, the stipend. */
import { EMPTY_BYTES } from '../../src/primitives/bytes.ts'
import { FORKS } from '../../src/chain/forks.ts'
import { assemble, pushOf } from '../support/assembler.ts'
import type { Prng } from '../support/prng.ts'
import { addressOfKey, type Blueprint, type BlueprintTransaction } from './blueprint.ts'
import type { CaseBlock } from './case.ts'
import { contractAddress, ETHER, plainAccount } from './generate-accounts.ts'
import type { Program } from './program.ts'

const COUNT_FRAME = 'PUSH1 1 PUSH0 TLOAD ADD PUSH0 TSTORE'
/** Calls itself with the stipend and a little more or less, and stores what is stored already: above 2,300 that works. */
const STIPEND_PROGRAM =
  'CALLER ADDRESS EQ PUSH2 @store JUMPI PUSH1 40 @next PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 1 ADDRESS DUP7 CALL POP ' +
  'PUSH1 1 SWAP1 SUB DUP1 PUSH2 @next JUMPI STOP @store PUSH0 PUSH0 SSTORE'

/** Each calls or creates itself until it may not, or makes code that is just short enough or just too long. */
const LIMIT_PROGRAMS: readonly string[] = [
  `${COUNT_FRAME} PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 1 ADDRESS GAS CALL PUSH0 TLOAD PUSH0 SSTORE`,
  `${COUNT_FRAME} PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS DELEGATECALL PUSH0 TLOAD ADD PUSH0 SSTORE`,
  `${COUNT_FRAME} PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALLCODE POP PUSH0 TLOAD PUSH0 SSTORE`,
  'PUSH0 MLOAD PUSH1 1 ADD PUSH0 MSTORE PUSH1 32 PUSH0 PUSH1 32 PUSH0 ADDRESS GAS STATICCALL PUSH1 32 MSTORE PUSH1 64 PUSH0 RETURN',
  'CODESIZE PUSH0 PUSH0 CODECOPY CODESIZE PUSH0 PUSH0 CREATE PUSH0 SSTORE',
  ...[0x6000, 0x6001].map((size) => createOf(`PUSH2 0x${size.toString(16)} PUSH0 RETURN`)),
  ...[0xc000, 0xc001].map((size) => `PUSH2 0x${size.toString(16)} PUSH0 PUSH0 CREATE PUSH0 SSTORE`),
  STIPEND_PROGRAM,
]

/** Creates a contract by the given initcode. */
function createOf(initcode: string): string {
  const bytes = assemble(initcode)
  const size = pushOf(bytes.length)
  return `PUSH${bytes.length} 0x${bytes.toHex()} PUSH0 MSTORE ${size} ${pushOf(32 - bytes.length)} PUSH0 CREATE PUSH0 SSTORE`
}

/** One contract that goes to a limit, with enough gas to be 1,024 frames deep where a transaction may have as much. */
export function limitCase(prng: Prng, given: CaseBlock): Blueprint {
  // So much gas must be free.
  const block: CaseBlock = { ...given, baseFeePerGas: 0n }
  const isLimited = FORKS[block.fork].transactionGasMax !== null
  const code: Program = [{ kind: 'code', text: prng.pick(LIMIT_PROGRAMS) }]
  const contract = { ...plainAccount(contractAddress(0), 5n), nonce: 1n, code }
  const transaction: BlueprintTransaction = {
    type: 2,
    key: 0,
    nonce: 0n,
    gasLimit: isLimited ? 1n << 24n : 1n << 45n,
    to: contract.address,
    value: 0n,
    data: EMPTY_BYTES,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    accessList: [],
    blobVersionedHashes: [],
    maxFeePerBlobGas: 0n,
    authorizations: [],
  }
  return { block, accounts: [contract, plainAccount(addressOfKey(0), ETHER)], transactions: [transaction] }
}
