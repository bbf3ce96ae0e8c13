/** Random programs: a few statements that do what contracts do, and an end. */
import { bytesToHex, wordToAddress } from '../../src/primitives/bytes.ts'
import { pushOf } from '../support/assembler.ts'
import type { Prng } from '../support/prng.ts'
import {
  addressExpression,
  arithmeticExercise,
  calleeExpression,
  expression,
  keep,
  stackExercise,
  type Scope,
} from './generate-expression.ts'
import { precompileInput, PRECOMPILE_WEIGHTS } from './precompile-inputs.ts'
import type { Program, Statement } from './program.ts'
import { push, pushAddress, randomOffset, randomSize, randomSlot } from './values.ts'

/** Programs within programs: initcode, and what it deploys. */
const NESTING_MAX = 2
/** Programs that change no state themselves. */
const QUIET_SHARE = 0.2
/** Bytes of memory that programs give back or log. */
const WINDOW = 0x200

type StatementOf = (scope: Scope, nesting: number) => Statement

/** @param nesting how many programs this one is in. */
export function randomProgram(outer: Scope, nesting = 0): Program {
  const { prng } = outer
  const scope = { ...outer, isQuiet: prng.chance(QUIET_SHARE) }
  const size = nesting === 0 ? prng.between(1, 14) : prng.between(0, 4)
  return [...statements(scope, nesting, size), ...ending(scope, nesting)]
}

/** Initcode: does something, then mostly deploys a contract. */
export function randomInitcode(scope: Scope, nesting = 0): Program {
  const { prng } = scope
  const body = statements(scope, nesting, prng.below(4))
  if (prng.chance(0.2)) return [...body, ...ending(scope, nesting)]
  if (prng.chance(0.1)) return [...body, code(oddDeployment(scope))]
  return [...body, { kind: 'deploy', program: randomProgram(scope, nesting + 1) }]
}

function statements(scope: Scope, nesting: number, count: number): Statement[] {
  return scope.prng.times(count, () => statement(scope, nesting))
}

function statement(scope: Scope, nesting: number): Statement {
  const canNest = nesting < NESTING_MAX && !scope.isQuiet
  const writes = scope.isQuiet ? 0 : 1
  return scope.prng.weighted<StatementOf>([
    [14, (inner) => code(`${expression(inner, 3)} ${keep(inner)}`)],
    [12 * writes, store],
    [5 * writes, transientStore],
    [6, copy],
    [4 * writes, log],
    [8, (inner) => code(arithmeticExercise(inner))],
    [4, (inner) => code(stackExercise(inner))],
    [14, call],
    [6, precompileCall],
    [canNest ? 9 : 0, create],
    [4, branch],
    [3, loop],
    [1, wild],
  ])(scope, nesting)
}

function code(text: string): Statement {
  return { kind: 'code', text }
}

function store(scope: Scope): Statement {
  const { prng } = scope
  // Few values in few slots: all the cases of EIP-2200 and 3529 come up.
  const value = prng.chance(0.7) ? pushOf(prng.below(3)) : expression(scope, 1)
  return code(`${value} ${push(prng, randomSlot(prng))} SSTORE`)
}

function transientStore(scope: Scope): Statement {
  return code(`${expression(scope, 1)} ${push(scope.prng, randomSlot(scope.prng))} TSTORE`)
}

function copy(scope: Scope): Statement {
  const { prng } = scope
  const [size, from, to] = [randomSize(prng), randomOffset(prng), randomOffset(prng)].map((word) =>
    push(prng, word),
  )
  return prng.weighted<() => Statement>([
    [3, () => code(`${size} ${from} ${to} CALLDATACOPY`)],
    [3, () => code(`${size} ${from} ${to} CODECOPY`)],
    [3, () => code(`${size} ${from} ${to} MCOPY`)],
    [3, () => code(`${size} ${from} ${to} ${addressExpression(scope)} EXTCODECOPY`)],
    [6, () => code(`RETURNDATASIZE PUSH0 ${to} RETURNDATACOPY`)],
    // One byte too many may be asked for, or none of none.
    [1, () => code(`RETURNDATASIZE ${pushOf(prng.below(2))} ${to} RETURNDATACOPY`)],
  ])()
}

function log(scope: Scope): Statement {
  const { prng } = scope
  const topics = prng.below(5)
  const words = prng.times(topics, () => expression(scope, 0)).join(' ')
  return code(`${words} ${push(prng, randomSize(prng))} ${push(prng, randomOffset(prng))} LOG${topics}`)
}

// Calls and creations -------------------------------------------------------------------------------------------------

function call(scope: Scope): Statement {
  const { prng } = scope
  const input = `${push(prng, randomSize(prng))} ${push(prng, randomOffset(prng))}`
  return code(callOf(scope, input, calleeExpression(scope)))
}

function callOf(scope: Scope, input: string, address: string): string {
  const { prng } = scope
  const name = prng.weighted([
    [6, 'CALL'],
    [2, 'CALLCODE'],
    [3, 'DELEGATECALL'],
    [3, 'STATICCALL'],
  ])
  const output = `${pushOf(32 * prng.below(4))} ${pushOf(32 * prng.below(16))}`
  const value = name === 'CALL' || name === 'CALLCODE' ? callValue(scope) : ''
  return `${output} ${input} ${value} ${address} ${callGas(scope)} ${name} ${keep(scope)}`
}

function callValue({ prng, isQuiet }: Scope): string {
  if (isQuiet && prng.chance(0.95)) return 'PUSH0'
  return prng.weighted([
    [6, 'PUSH0'],
    [3, pushOf(prng.between(1, 100))],
    [1, 'SELFBALANCE'],
    [1, 'PUSH1 1 SELFBALANCE ADD'],
  ])
}

function callGas({ prng }: Scope): string {
  return prng.weighted([
    [4, 'GAS'],
    [6, `${pushOf(prng.between(2, 8))} GAS DIV`],
    [4, push(prng, BigInt(prng.below(50_000)))],
    [1, push(prng, BigInt(prng.below(3_000)))],
    // Around the stipend, with which nothing may be stored.
    [1, pushOf(prng.below(16))],
    [1, pushOf(2_290 + prng.below(24))],
    [1, 'PUSH0'],
    [1, push(prng, (1n << 256n) - 1n)],
  ])
}

function precompileCall(scope: Scope): Statement {
  const { prng } = scope
  const number = prng.weighted(PRECOMPILE_WEIGHTS)
  const bytes = precompileInput(prng, number)
  const [size, at] = [pushOf(bytes.length), pushOf(32 * prng.below(8))]
  const address = pushAddress(prng, wordToAddress(BigInt(number)))
  const text = `${size} PUSH2 $data ${at} CODECOPY ${callOf(scope, `${size} ${at}`, address)}`
  return { kind: 'code', text, data: bytesToHex(bytes) }
}

function create(scope: Scope, nesting: number): Statement {
  const { prng } = scope
  const program = randomInitcode(scope, nesting + 1)
  const salt = prng.chance(0.5) ? pushOf(prng.below(2)) : undefined
  const value = prng.weighted([
    [6, 'PUSH0'],
    [2, pushOf(prng.between(1, 10))],
    [1, 'PUSH1 1 SELFBALANCE ADD'],
  ])
  // What was created is called, or remembered.
  const after = prng.chance(0.5)
    ? `DUP1 ${keep(scope)} PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 DUP6 ${callGas(scope)} CALL ${keep(scope)} POP`
    : keep(scope)
  return { kind: 'create', value, salt, program, after }
}

/** Code that may not be deployed, or just so: too long, reserved, empty, a delegation. */
function oddDeployment({ prng }: Scope): string {
  return prng.weighted([
    [2, 'PUSH1 0xef PUSH0 MSTORE8 PUSH1 1 PUSH0 RETURN'],
    [1, `PUSH3 0xef0100 PUSH1 232 SHL PUSH0 MSTORE PUSH1 23 PUSH0 RETURN`],
    [1, 'PUSH2 0x6001 PUSH0 RETURN'],
    [1, 'PUSH2 0x6000 PUSH0 RETURN'],
    [1, 'PUSH0 PUSH0 RETURN'],
  ])
}

// Control -------------------------------------------------------------------------------------------------------------

function branch(scope: Scope, nesting: number): Statement {
  const { prng } = scope
  const condition = prng.chance(0.5) ? expression(scope, 1) : 'PUSH1 1 GAS AND'
  return { kind: 'if', condition, body: statements(scope, nesting, prng.between(1, 3)) }
}

function loop(scope: Scope, nesting: number): Statement {
  const { prng } = scope
  return { kind: 'loop', count: prng.between(1, 6), body: statements(scope, nesting, prng.between(1, 2)) }
}

/** What no compiler writes. */
function wild(scope: Scope): Statement {
  const { prng } = scope
  return code(
    prng.weighted<() => string>([
      [4, () => bytesToHex(prng.bytes(prng.between(1, 12)))],
      [1, () => `${expression(scope, 1)} JUMP`],
      [1, () => `${expression(scope, 0)} ${expression(scope, 1)} JUMPI`],
      [1, () => 'POP'],
      [1, () => prng.pick(['INVALID', '0x0c', '0xef', '0x49', '0x5b'])],
      [1, () => selfDestruct(scope)],
      [1, () => stackOverflow(prng)],
    ])(),
  )
}

/** Pushes until no more fits. */
function stackOverflow(prng: Prng): string {
  const label = `@spin${prng.uint32()}`
  return `${label} ${'PC '.repeat(32)} PUSH2 ${label} JUMP`
}

function ending(scope: Scope, nesting: number): Statement[] {
  const { prng } = scope
  const writes = scope.isQuiet ? 0 : 1
  const text = prng.weighted<() => string>([
    [12, () => `${push(prng, BigInt(prng.below(WINDOW)))} ${pushOf(prng.below(64))} RETURN`],
    [3 * writes, () => `${pushOf(WINDOW)} PUSH0 KECCAK256 ${push(prng, randomSlot(prng))} SSTORE`],
    [2 * writes, () => `${pushOf(WINDOW)} PUSH0 LOG0`],
    [3, () => ''],
    [3, () => `${push(prng, BigInt(prng.below(WINDOW)))} ${pushOf(prng.below(64))} REVERT`],
    // Only a contract that a transaction made is ever deleted by it (EIP-6780).
    [(nesting === 0 ? 2 : 5) * writes, () => selfDestruct(scope)],
    [1, () => 'INVALID'],
  ])()
  return text === '' ? [] : [code(text)]
}

function selfDestruct(scope: Scope): string {
  return `${addressExpression(scope)} SELFDESTRUCT`
}
