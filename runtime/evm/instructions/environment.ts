/** What an instruction can read of its message, the transaction, the block and other accounts (0x30 … 0x4a). */
import type { Outcome } from '../../outcome.ts'
import { accessAccount, popAddress } from '../access.ts'
import { OUT_OF_GAS } from '../halts.ts'
import { push, setTop, top, type Machine } from '../machine.ts'

export function address(machine: Machine): void {
  push(machine, BigInt(machine.message.address))
}

export function caller(machine: Machine): void {
  push(machine, BigInt(machine.message.caller))
}

export function callvalue(machine: Machine): void {
  push(machine, machine.message.value)
}

export function calldatasize(machine: Machine): void {
  push(machine, BigInt(machine.message.input.length))
}

export function codesize(machine: Machine): void {
  push(machine, BigInt(machine.message.code.length))
}

export function returndatasize(machine: Machine): void {
  push(machine, BigInt(machine.returnData.length))
}

export function origin(machine: Machine): void {
  push(machine, BigInt(machine.host.transaction.origin))
}

export function gasprice(machine: Machine): void {
  push(machine, machine.host.transaction.gasPrice)
}

/** EIP-4844; zero beyond the last blob. */
export function blobhash(machine: Machine): void {
  const hashes = machine.host.transaction.blobVersionedHashes
  const index = top(machine)
  const hash = index < BigInt(hashes.length) ? hashes[Number(index)] : undefined
  setTop(machine, hash === undefined ? 0n : BigInt(hash))
}

export function coinbase(machine: Machine): void {
  push(machine, BigInt(machine.host.block.beneficiary))
}

export function timestamp(machine: Machine): void {
  push(machine, machine.host.block.timestamp)
}

export function number(machine: Machine): void {
  push(machine, machine.host.block.number)
}

export function prevrandao(machine: Machine): void {
  push(machine, BigInt(machine.host.block.prevRandao))
}

export function gaslimit(machine: Machine): void {
  push(machine, machine.host.block.gasLimit)
}

export function chainid(machine: Machine): void {
  push(machine, machine.host.block.chainId)
}

export function basefee(machine: Machine): void {
  push(machine, machine.host.block.baseFeePerGas)
}

export function blobbasefee(machine: Machine): void {
  push(machine, machine.host.block.blobBaseFee)
}

export function blockhash(machine: Machine): void {
  setTop(machine, BigInt(machine.host.blockHash(top(machine))))
}

export function selfbalance(machine: Machine): void {
  push(machine, machine.host.balance(machine.message.address))
}

export function balance(machine: Machine): Outcome | void {
  const account = popAddress(machine)
  if (!accessAccount(machine, account)) return OUT_OF_GAS
  push(machine, machine.host.balance(account))
}

/** Of a delegated account, the 23 bytes of the designator (EIP-7702). */
export function extcodesize(machine: Machine): Outcome | void {
  const account = popAddress(machine)
  if (!accessAccount(machine, account)) return OUT_OF_GAS
  push(machine, BigInt(machine.host.code(account).length))
}

/** Zero for a dead account (EIP-1052). */
export function extcodehash(machine: Machine): Outcome | void {
  const account = popAddress(machine)
  if (!accessAccount(machine, account)) return OUT_OF_GAS
  push(machine, BigInt(machine.host.codeHash(account)))
}
