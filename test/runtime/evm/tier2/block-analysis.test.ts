/** Blocks of code, compared with a walk over its instructions that keeps every word by name. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { analyze } from '../../../../runtime/evm/analysis.ts'
import { INSTRUCTION_SETS } from '../../../../runtime/evm/opcodes.ts'
import {
  analyzeBlocks,
  BLOCK_OPERATIONS_MAX,
  slotOf,
  slotWord,
  UNKNOWN,
  type Block,
  type CodeBlocks,
} from '../../../../runtime/evm/tier2/block-analysis.ts'
import { assemble } from '../../../support/assembler.ts'
import { anyCode, structuredCode } from '../../../support/bytecode-arbitraries.ts'

function blocksOf(...lines: string[]): CodeBlocks {
  return analyzeBlocks(assemble(...lines), 'osaka')
}

suite('blocks', () => {
  test('end behind jumps and ends, before named JUMPDESTs and before what leaves compiled code', () => {
    const blocks = blocksOf('PUSH1 1 PUSH2 @a JUMPI', '@a GAS CALL', 'STOP')
    const first = blocks.blockAt(0)
    assert.deepEqual([first.ending, first.end, first.target], ['branch', 6, 6])
    const second = blocks.blockAt(6)
    assert.deepEqual([second.ending, second.last, second.operationCount], ['leave', 8, 2])
    assert.equal(blocks.blockAt(9).ending, 'stop')
    assert.equal(blocks.blockAt(10).ending, 'stop')
    assert.deepEqual(blocks.namedTargets, [6])
  })

  test('a JUMPDEST without a name is an operation', () => {
    const block = blocksOf('CALLVALUE', 'JUMPDEST', 'POP', 'INVALID').blockAt(0)
    assert.deepEqual([block.ending, block.operationCount, block.gas], ['invalid', 4, 5])
  })

  test('straight code is split', () => {
    const block = blocksOf('PUSH0 POP '.repeat(BLOCK_OPERATIONS_MAX)).blockAt(0)
    assert.deepEqual([block.ending, block.operationCount], ['fall', BLOCK_OPERATIONS_MAX])
  })

  test('say where words go: targets through DUP and SWAP, words of the caller by slot', () => {
    const block = blocksOf('PUSH2 @a SWAP1 DUP2 SWAP2 JUMP', '@a STOP').blockAt(0)
    assert.deepEqual([block.needed, block.growth, block.delta], [1, 2, 1])
    assert.deepEqual(
      [...block.writes].sort(([a], [b]) => a - b),
      [
        [-1, 7],
        [0, slotWord(-1)],
      ],
    )
    assert.equal(block.target, 7)
  })

  test('an instruction of a later fork has no meaning before it', () => {
    const code = assemble('PUSH0 CLZ')
    assert.equal(analyzeBlocks(code, 'prague').blockAt(0).ending, 'invalid')
    assert.equal(analyzeBlocks(code, 'osaka').blockAt(0).ending, 'stop')
  })
})

suite('for any code', () => {
  test('targets are those of the interpreter', () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        assert.deepEqual(analyzeBlocks(code, 'osaka').jumpdests, analyze(code).jumpdests)
      }),
    )
  })

  test('the summary of a block is what a walk finds', () => {
    fc.assert(
      fc.property(fc.oneof(anyCode, structuredCode), (code) => {
        const blocks = analyzeBlocks(code, 'osaka')
        for (let offset = 0; offset <= code.length; offset += 5)
          agreesWithWalk(blocks, blocks.blockAt(offset))
      }),
      { numRuns: 60 },
    )
  })
})

/** Runs the block on a stack of names: `w-1` is what slot −1 held at first, `p…` a pushed number, `u…` a result. */
function agreesWithWalk({ code, jumpdests }: CodeBlocks, block: Block): void {
  const depth = 700
  const stack = Array.from({ length: depth }, (_, index) => `w${index - depth}`)
  let [offset, gas, needed, growth] = [block.start, 0, 0, 0]
  for (let i = 0; i < block.operationCount; i++) {
    const instruction = INSTRUCTION_SETS.osaka[code[offset] ?? 0]
    assert.ok(instruction)
    gas += instruction.gas
    needed = Math.max(needed, instruction.inputs - (stack.length - depth))
    const { name } = instruction
    if (name.startsWith('PUSH')) {
      const immediate = Uint8Array.from(
        { length: instruction.immediateSize },
        (_, at) => code[offset + 1 + at] ?? 0,
      )
      stack.push(`p${immediate.length === 0 ? 0n : BigInt(`0x${immediate.toHex()}`)}`)
    } else if (name.startsWith('DUP')) {
      stack.push(stack.at(-Number(name.slice(3))) as string)
    } else if (name.startsWith('SWAP')) {
      const [top, other] = [stack.length - 1, stack.length - 1 - Number(name.slice(4))]
      ;[stack[top], stack[other]] = [stack[other] as string, stack[top] as string]
    } else if (i === block.operationCount - 1 && (name === 'JUMP' || name === 'JUMPI')) {
      assert.equal(meaning(block.target), meaningOfName(stack.at(-1) as string, jumpdests))
      stack.length -= instruction.inputs
    } else {
      stack.length -= instruction.inputs
      for (let output = 0; output < instruction.outputs; output++) stack.push(`u${offset}`)
    }
    growth = Math.max(growth, stack.length - depth)
    offset += 1 + instruction.immediateSize
  }
  if (block.ending === 'leave') {
    const left = INSTRUCTION_SETS.osaka[code[block.last] ?? 0]
    needed = Math.max(needed, (left?.inputs ?? 0) - (stack.length - depth))
  }
  assert.deepEqual(
    [block.gas, block.needed, block.growth, block.delta],
    [gas, needed, growth, stack.length - depth],
  )
  if (block.ending !== 'invalid' && block.ending !== 'stop') assert.equal(block.end, offset)
  for (const [index, name] of stack.entries()) {
    const slot = index - depth
    const expected = block.writes.has(slot) ? meaning(block.writes.get(slot) as number) : `w${slot}`
    assert.equal(expected, meaningOfName(name, jumpdests), `slot ${slot}`)
  }
}

function meaning(word: number): string {
  if (word === UNKNOWN) return 'unknown'
  const slot = slotOf(word)
  return slot === undefined ? `target ${word}` : `w${slot}`
}

function meaningOfName(name: string, jumpdests: Uint8Array): string {
  if (name.startsWith('w')) return name
  if (name.startsWith('u')) return 'unknown'
  const value = BigInt(name.slice(1))
  return value < BigInt(jumpdests.length) && jumpdests[Number(value)] === 1 ? `target ${value}` : 'unknown'
}
