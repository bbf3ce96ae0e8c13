/** Random contracts in the manner of Solidity, called through their dispatcher, and the cases that call them. */
import { bigintToFixedBytes, concatBytes, wordToHash } from '../../../src/primitives/bytes.ts'
import { pushOf } from '../../support/assembler.ts'
import type { Prng } from '../../support/prng.ts'
import { addressOfKey, type Blueprint } from '../blueprint.ts'
import type { CaseBlock } from '../case.ts'
import { contractAddress, ETHER, plainAccount } from '../generate-accounts.ts'
import type { Program } from '../program.ts'
import { randomWord } from '../values.ts'
import { callOf } from './plain-call.ts'
import { CHECKED_ARITHMETIC, functionCode, type FunctionShape } from './solidity-function.ts'

const CONTRACTS = 2
/** Selectors are 1 … this. */
const EXTERNAL_FUNCTIONS = 4

export function solidityCase(prng: Prng, block: CaseBlock): Blueprint {
  const accounts = Array.from({ length: CONTRACTS }, (_, index) => ({
    ...plainAccount(contractAddress(index), 0n),
    nonce: 1n,
    // The last contract calls itself: the gas it passes on ends that.
    code: contract(prng, `PUSH4 ${contractAddress(Math.min(index + 1, CONTRACTS - 1))}`),
    storage: [[0n, randomWord(prng) | 1n]] as const,
  }))
  const transactions = prng.times(prng.between(1, 4), () => ({
    to: contractAddress(0),
    gasLimit: gasLimit(prng),
    data: concatBytes(
      bigintToFixedBytes(BigInt(prng.between(1, EXTERNAL_FUNCTIONS)), 4),
      ...prng.times(prng.between(0, 3), () => bigintToFixedBytes(randomWord(prng), 32)),
    ),
  }))
  return {
    block: { ...block, baseFeePerGas: 0n, prevRandao: wordToHash(1n) },
    accounts: [...accounts, plainAccount(addressOfKey(0), ETHER)],
    transactions: transactions.map((transaction, index) => callOf(transaction, BigInt(index))),
  }
}

/** Mostly enough; now and then gas ends somewhere. */
function gasLimit(prng: Prng): bigint {
  return prng.chance(0.75)
    ? prng.pick([150_000n, 150_000n, 300_000n, 1_000_000n])
    : BigInt(22_000 + prng.below(1 << prng.between(8, 18)))
}

function contract(prng: Prng, callee: string): Program {
  let labels = 0
  const nextLabel = (): string => `@l${labels++}`
  const shapes = prng.times(prng.between(2, 5), (): FunctionShape => ({
    label: nextLabel(),
    parameters: prng.between(0, 3),
  }))
  const externals = Array.from({ length: EXTERNAL_FUNCTIONS }, (_, index) => ({
    entry: `@external${index}`,
    selector: index + 1,
    shape: prng.pick(shapes),
  }))
  const texts = [
    'PUSH1 0x80 PUSH1 0x40 MSTORE CALLVALUE DUP1 ISZERO PUSH2 @free JUMPI PUSH0 PUSH0 REVERT @free POP',
    'PUSH1 4 CALLDATASIZE LT PUSH2 @fallback JUMPI PUSH0 CALLDATALOAD PUSH1 224 SHR',
    ...externals.map(({ entry, selector }) => `DUP1 ${pushOf(selector)} EQ PUSH2 ${entry} JUMPI`),
    '@fallback PUSH0 PUSH0 REVERT',
    ...externals.map(({ entry, shape }) => externalFunction(entry, shape)),
    // [pointer, return address] → [pointer behind what was written]
    '@encode PUSH1 0x40 MLOAD SWAP2 DUP3 MSTORE PUSH1 32 DUP3 ADD SWAP2 POP JUMP',
    // [offset, return address] → [word], or a revert when call data ends before.
    '@decode DUP2 PUSH1 32 ADD CALLDATASIZE LT PUSH2 @short JUMPI SWAP1 CALLDATALOAD SWAP1 JUMP @short PUSH0 PUSH0 REVERT',
    ...shapes.map((shape, index) =>
      functionCode({ prng, functions: shapes.slice(index + 1), callee, nextLabel }, shape),
    ),
    ...CHECKED_ARITHMETIC,
  ]
  return texts.map((text) => ({ kind: 'code', text }))
}

/** Decodes the arguments, calls the internal function, and returns its encoded result. */
function externalFunction(entry: string, { label, parameters }: FunctionShape): string {
  const back = `${entry}Back`
  const decode = Array.from({ length: parameters }, (_, index) => {
    const decoded = `${entry}Argument${index}`
    return `${pushOf(4 + 32 * index)} PUSH2 ${decoded} PUSH2 @decode JUMP ${decoded}`
  })
  return `${entry} PUSH2 ${back} ${decode.join(' ')} PUSH2 ${label} JUMP ${back} PUSH2 ${entry}Encoded PUSH2 @encode JUMP ${entry}Encoded PUSH1 0x40 MLOAD SWAP1 SUB PUSH1 0x40 MLOAD RETURN`
}
