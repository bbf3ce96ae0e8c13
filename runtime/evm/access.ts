/** Accounts as operands: their address on the stack, and the price of touching them (EIP-2929). */
import { wordToAddress, type Address } from '../../src/primitives/bytes.ts'
import { COLD_ACCOUNT_SURCHARGE } from './gas.ts'
import { charge, pop, type Machine } from './machine.ts'

/** Bits above the 160th are ignored. */
export function popAddress(machine: Machine): Address {
  return wordToAddress(pop(machine))
}

/** Warms the account and pays what a cold one costs beyond the fixed gas. `false` when out of gas. */
export function accessAccount(machine: Machine, address: Address): boolean {
  return !machine.host.accessAccount(address) || charge(machine, COLD_ACCOUNT_SURCHARGE)
}
