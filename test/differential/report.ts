/** Tells a difference, and the case that shows it, to whoever has to find out why. */
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { FORKS } from '../../src/chain/forks.ts'
import { INSTRUCTION_SETS, type EvmFork } from '../../runtime/evm/opcodes.ts'
import { caseToJson, type Case } from './case.ts'
import type { Difference } from './compare.ts'

const TEXT_LENGTH_MAX = 2_000

export function tellDifference(
  { block, transactions }: Case,
  { transaction, what, ours, theirs }: Difference,
): string {
  const hash = transactions[transaction]?.transaction.hash ?? ''
  return [
    `${what} differs at transaction ${transaction} (${hash}), ${block.fork}`,
    `  ours   ${ours.slice(0, TEXT_LENGTH_MAX)}`,
    `  theirs ${theirs.slice(0, TEXT_LENGTH_MAX)}`,
  ].join('\n')
}

/** The case as JSON for `--replay` and `cases/`, and its code as instructions. */
export function listingOf(one: Case): string {
  const { evm } = FORKS[one.block.fork]
  const codes = [...one.accounts].filter(([, { code }]) => code.length > 0)
  return [
    caseToJson(one),
    ...codes.map(([address, { code }]) => `${address}: ${disassemble(code, evm)}`),
    ...one.transactions
      .filter(({ transaction }) => transaction.fields.to === null)
      .map(({ transaction }) => `initcode: ${disassemble(transaction.fields.data, evm)}`),
  ].join('\n')
}

function disassemble(code: Uint8Array, evm: EvmFork): string {
  const words: string[] = []
  for (let offset = 0; offset < code.length;) {
    const byte = code[offset] ?? 0
    const instruction = INSTRUCTION_SETS[evm][byte]
    const size = instruction?.immediateSize ?? 0
    const immediate = code.subarray(offset + 1, offset + 1 + size)
    words.push(
      instruction?.name ?? bytesToHex(Uint8Array.of(byte)),
      ...(size > 0 ? [bytesToHex(immediate)] : []),
    )
    offset += 1 + size
  }
  return words.join(' ')
}
