/**
 * Contracts that belong to the protocol of BFT networks, and where they live: at 0x…ae00 and a number, far behind the
 * precompiles. They are part of the genesis and are never replaced. Ethereum's own are in `chain/system-contracts.ts`.
 */
import type { GenesisAccount } from '../../chain/genesis.ts'
import { hexToBytes, wordToAddress, type Address } from '../../primitives/bytes.ts'
import { SYSTEM_CODE } from './code.ts'

const FIRST_ADDRESS = 0xae00n

/** Records members who contradicted themselves: `contracts/system/Accountability.sol`. */
export const ACCOUNTABILITY_ADDRESS: Address = systemAddress(1n)

/** The accounts that the genesis of a BFT network has beside its own. */
export function systemContracts(): ReadonlyMap<Address, GenesisAccount> {
  return new Map([[ACCOUNTABILITY_ADDRESS, contractAccount(SYSTEM_CODE.Accountability)]])
}

function systemAddress(number: bigint): Address {
  return wordToAddress(FIRST_ADDRESS + number)
}

/** As if it had been created: with nonce 1 (EIP-161). */
function contractAccount(code: string): GenesisAccount {
  return { balance: 0n, nonce: 1n, code: hexToBytes(code), storage: new Map() }
}
