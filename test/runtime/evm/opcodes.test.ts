/** The opcode table against the interpreter: every row has a handler that takes and leaves what the row says. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import { FORKS } from '../../../src/chain/forks.ts'
import {
  EVM_FORKS,
  INSTRUCTION_SETS,
  STACK_LIMIT,
  type EvmFork,
  type Instruction,
} from '../../../runtime/evm/opcodes.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import { finish, runCode, startFrame } from '../../support/fake-host.ts'

const JUMPDEST = 0x5b
const PUSH0 = 0x5f
const ENDS = new Set(['STOP', 'RETURN', 'REVERT', 'INVALID', 'SELFDESTRUCT'])

interface Step {
  readonly stackSize: number
  readonly gas: bigint
}

/** Code with `wordCount` zeros on the stack, then the instruction. Offset 0 is a JUMPDEST: what JUMP goes to. */
function codeOf(instruction: Instruction, wordCount: number): Uint8Array {
  const immediate = new Uint8Array(instruction.immediateSize)
  const pushes = Array.from({ length: wordCount }, () => PUSH0)
  return Uint8Array.of(JUMPDEST, ...pushes, instruction.byte, ...immediate)
}

/** What a tracer saw before the instruction and before the one after it. */
function stepsAround(instruction: Instruction, wordCount: number, evm: EvmFork): (Step | undefined)[] {
  const steps: Step[] = []
  const tracer = { step: ({ stackSize, gas }: Step) => void steps.push({ stackSize, gas }) }
  finish(startFrame(codeOf(instruction, wordCount), { rules: FORKS[evm], tracer, gas: 100_000n }))
  return steps.slice(wordCount + 1, wordCount + 3)
}

function runWith(instruction: Instruction, wordCount: number, evm: EvmFork): Outcome {
  return runCode(codeOf(instruction, wordCount), { rules: FORKS[evm], gas: 100_000n })
}

for (const evm of EVM_FORKS) {
  suite(`the instructions of ${evm}`, () => {
    const instructions = INSTRUCTION_SETS[evm].filter((entry) => entry !== undefined)

    test('take and leave as many words as the table says, and cost at least their fixed gas', () => {
      for (const instruction of instructions) {
        const { name, inputs, outputs, gas } = instruction
        const spare = 3
        const [before, after] = stepsAround(instruction, inputs + spare, evm)
        assert.equal(before?.stackSize, inputs + spare, name)
        if (ENDS.has(name)) {
          assert.equal(after, undefined, `${name} ends the frame`)
          continue
        }
        assert.equal(after?.stackSize, outputs + spare, name)
        const spent = (before?.gas ?? 0n) - (after?.gas ?? 0n)
        assert.ok(spent >= BigInt(gas), `${name} cost ${spent}, its fixed part is ${gas}`)
      }
    })

    test('underflow with one word less than they need', () => {
      for (const instruction of instructions.filter(({ inputs }) => inputs > 0)) {
        const outcome = runWith(instruction, instruction.inputs - 1, evm)
        assert.deepEqual(outcome, { kind: 'halt', reason: 'stackUnderflow' }, instruction.name)
      }
    })

    test('overflow on a full stack exactly when they make it grow', () => {
      for (const instruction of instructions) {
        const outcome = runWith(instruction, STACK_LIMIT, evm)
        // JUMP goes back to the start, where a PUSH0 overflows: what counts is the instruction's own step.
        const [, after] = stepsAround(instruction, STACK_LIMIT, evm)
        const overflows = after === undefined && outcome.kind === 'halt' && outcome.reason === 'stackOverflow'
        assert.equal(overflows, instruction.outputs > instruction.inputs, instruction.name)
      }
    })

    test('are the only ones: every other byte is an invalid opcode', () => {
      const bytes = INSTRUCTION_SETS[evm].flatMap((entry, byte) => (entry === undefined ? [byte] : []))
      assert.equal(bytes.length + instructions.length, 256)
      for (const byte of bytes) {
        const outcome = runCode(Uint8Array.of(PUSH0, byte), { rules: FORKS[evm] })
        assert.deepEqual(outcome, { kind: 'halt', reason: 'invalidOpcode' }, `byte ${byte}`)
      }
    })
  })
}

test('a byte of the table is its index, and names are unique', () => {
  const present = INSTRUCTION_SETS.osaka.filter((entry) => entry !== undefined)
  for (const { byte, name } of present) assert.equal(INSTRUCTION_SETS.osaka[byte]?.name, name)
  assert.equal(new Set(present.map(({ name }) => name)).size, present.length)
})

test('Prague brings no instruction, Osaka brings CLZ (EIP-7939)', () => {
  assert.deepEqual(INSTRUCTION_SETS.prague, INSTRUCTION_SETS.cancun)
  const added = INSTRUCTION_SETS.osaka.filter(
    (entry, byte) => INSTRUCTION_SETS.prague[byte] === undefined && entry,
  )
  assert.deepEqual(
    added.map((entry) => entry?.name),
    ['CLZ'],
  )
})

test('empty code stops at once and costs nothing', () => {
  assert.deepEqual(runCode(EMPTY_BYTES, { gas: 5n }), { kind: 'return', gasLeft: 5n, output: EMPTY_BYTES })
})
