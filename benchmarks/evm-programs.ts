/**
 * Programs that engines are measured with: those of a folder of JSON files, and our own beside them. Our own cover what
 * the usual collections leave out: modular arithmetic of curves, sorting in memory, nested mappings, code that runs once.
 */
import { join } from 'node:path'
import { assemble, pushOf } from '../test/support/assembler.ts'
import { sharedVectors } from '../test/support/shared.ts'
import { bytesToHex } from '../src/primitives/bytes.ts'
import { ProgramsAbsentError, readPrograms, type Program } from './evm-program-files.ts'

const GAS = 10_000_000_000

/** What the names of our own programs begin with. */
const OWN_PREFIX = 'own_'

export function isOwn({ name }: { readonly name: string }): boolean {
  return name.startsWith(OWN_PREFIX)
}

/**
 * The programs of a folder, then our own, by name.
 * @param folder `undefined` for the shared vectors, which may be absent.
 * @param names those that are wanted; all when empty.
 * @throws ProgramsAbsentError also for a name that is none, MalformedProgramError
 */
export function findPrograms(folder: string | undefined, names: readonly string[]): readonly Program[] {
  const given = folder ?? sharedFolder()
  const programs = [...(given === undefined ? [] : readPrograms(given)), ...ownPrograms()]
  const unknown = names.filter((wanted) => !programs.some(({ name }) => name === wanted))
  if (unknown.length > 0) {
    const known = programs.map(({ name }) => name).join(', ')
    throw new ProgramsAbsentError(`no program or folder ${unknown.join(', ')}; known programs: ${known}`)
  }
  return programs.filter(({ name }) => names.length === 0 || names.includes(name))
}

function sharedFolder(): string | undefined {
  const vectors = sharedVectors()
  return vectors === undefined ? undefined : join(vectors, 'bench')
}

function ownPrograms(): Program[] {
  return [
    own('curve', curve()),
    own('sort', sort()),
    own('mappings', mappings()),
    own('once', runsOnce()),
    own('division', division()),
  ]
}

function own(name: string, code: Uint8Array): Program {
  return {
    name: `${OWN_PREFIX}${name}`,
    code: bytesToHex(code),
    calldata: '0x',
    gas: GAS,
    address: `0xc0${'00'.repeat(18)}01`,
    caller: `0xa0${'00'.repeat(18)}01`,
  }
}

/** Doublings of a point of secp256k1 in Jacobian coordinates: MULMOD, ADDMOD and SUB, as verifiers in Solidity do. */
function curve(): Uint8Array {
  const p = pushOf(2n ** 256n - 2n ** 32n - 977n)
  const [x, y, z, a, b, c] = [0x00, 0x20, 0x40, 0x60, 0x80, 0xa0].map((slot) => pushOf(slot)) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const load = (slot: string): string => `${slot} MLOAD`
  const times = (left: string, right: string): string => `${p} ${right} ${left} MULMOD`
  const minus = (left: string, right: string): string => `${p} ${right} ${p} SUB ${left} ADDMOD`
  const store = (slot: string): string => `${slot} MSTORE`
  return assemble(
    `${pushOf(0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n)} ${store(x)}`,
    `${pushOf(0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n)} ${store(y)}`,
    `PUSH1 1 ${store(z)} PUSH2 2000 @loop`,
    // a = y², b = 4·x·a, c = 3·x²
    `${times(load(y), load(y))} ${store(a)}`,
    `${times('PUSH1 4', times(load(x), load(a)))} ${store(b)}`,
    `${times('PUSH1 3', times(load(x), load(x)))} ${store(c)}`,
    // z = 2·y·z, x = c² − 2·b, y = c·(b − x) − 8·a²
    `${times('PUSH1 2', times(load(y), load(z)))} ${store(z)}`,
    `${minus(times(load(c), load(c)), times('PUSH1 2', load(b)))} ${store(x)}`,
    `${minus(times(load(c), minus(load(b), load(x))), times('PUSH1 8', times(load(a), load(a))))} ${store(y)}`,
    'PUSH1 1 SWAP1 SUB DUP1 PUSH2 @loop JUMPI',
    'PUSH1 0x60 PUSH0 RETURN',
  )
}

/** Insertion sort of 200 pseudo-random words in memory: loads, stores, comparisons and jumps. */
function sort(): Uint8Array {
  return assemble(
    // Fills memory from a multiplicative generator.
    'PUSH1 7 PUSH0 @fill',
    'SWAP1 PUSH4 1664525 MUL PUSH4 1013904223 ADD PUSH8 0xffffffffffffffff AND SWAP1',
    'DUP2 DUP2 MSTORE PUSH1 32 ADD DUP1 PUSH2 6400 GT PUSH2 @fill JUMPI',
    'POP POP PUSH1 32',
    // i: takes the word at i and moves larger ones up.
    '@outer DUP1 MLOAD DUP2',
    // i word j
    '@inner DUP1 ISZERO PUSH2 @place JUMPI',
    'PUSH1 32 DUP2 SUB MLOAD DUP1 DUP4 LT ISZERO PUSH2 @found JUMPI',
    'DUP2 MSTORE PUSH1 32 SWAP1 SUB PUSH2 @inner JUMP',
    '@found POP',
    '@place MSTORE PUSH1 32 ADD DUP1 PUSH2 6400 GT PUSH2 @outer JUMPI',
    'PUSH2 6400 PUSH0 KECCAK256 PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
  )
}

/** Balances in a mapping of mappings, 400 of them, read and raised: hashing and storage in turn. */
function mappings(): Uint8Array {
  return assemble(
    'PUSH2 400 @loop',
    'DUP1 PUSH0 MSTORE PUSH1 3 PUSH1 32 MSTORE PUSH1 64 PUSH0 KECCAK256 PUSH1 32 MSTORE',
    'CALLER PUSH0 MSTORE PUSH1 64 PUSH0 KECCAK256',
    'DUP1 SLOAD PUSH1 5 ADD DUP1 DUP3 SSTORE SWAP1 SLOAD EQ ISZERO PUSH2 @fail JUMPI',
    'PUSH1 1 SWAP1 SUB DUP1 PUSH2 @loop JUMPI',
    'PUSH0 PUSH0 RETURN @fail PUSH0 PUSH0 REVERT',
  )
}

/** 24 KB without a loop: a compiler can only lose on what runs once. */
function runsOnce(): Uint8Array {
  const lines = Array.from(
    { length: 1_300 },
    (_, i) =>
      `PUSH4 ${(i * 2_654_435_761) % 2 ** 32} ADD DUP1 PUSH1 ${i % 251} SHR XOR DUP1 PUSH2 ${(i * 32) % 4_096} MSTORE`,
  )
  return assemble('PUSH1 1', ...lines, 'PUSH0 MSTORE PUSH1 32 PUSH0 RETURN')
}

/** Division and remainder by divisors of one to four limbs, signed and unsigned. */
function division(): Uint8Array {
  const divisors = [97n, 2n ** 63n + 29n, 2n ** 127n + 45n, 2n ** 191n + 5n, 2n ** 254n + 79n]
  const rounds = divisors.flatMap((divisor) =>
    ['DIV', 'MOD', 'SDIV', 'SMOD'].map((operation) => `${pushOf(divisor)} DUP2 ${operation} XOR NOT`),
  )
  return assemble(
    `${pushOf(2n ** 256n - 189n)} PUSH2 1000 @loop SWAP1`,
    ...rounds,
    'SWAP1 PUSH1 1 SWAP1 SUB DUP1 PUSH2 @loop JUMPI',
    'POP PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
  )
}
