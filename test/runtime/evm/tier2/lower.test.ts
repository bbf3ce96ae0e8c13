/** IR of regions: that it keeps its invariants for any code, that the verifier sees what breaks them, golden texts. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { EXP_BYTE } from '../../../../runtime/evm/gas.ts'
import { analyzeBlocks } from '../../../../runtime/evm/tier2/block-analysis.ts'
import type { Region, Value } from '../../../../runtime/evm/tier2/ir.ts'
import { lowerRegion } from '../../../../runtime/evm/tier2/lower.ts'
import { printRegion } from '../../../../runtime/evm/tier2/print-ir.ts'
import type { RegionLimits } from '../../../../runtime/evm/tier2/region-graph.ts'
import { irViolations } from '../../../../runtime/evm/tier2/verify-ir.ts'
import { assemble } from '../../../support/assembler.ts'
import { anyCode, structuredCode } from '../../../support/bytecode-arbitraries.ts'

const EXP = 0x0a
const KECCAK256 = 0x20

const ONE_BLOCK: RegionLimits = { nodesMax: 1, operationsMax: 1000 }
const TWELVE_BLOCKS: RegionLimits = { nodesMax: 12, operationsMax: 1000 }

/** Programs whose IR is frozen in `golden/`. Set `UPDATE_GOLDEN` to write it anew. */
const GOLDEN: Readonly<Record<string, readonly string[]>> = {
  // Counts down from a word of the call data and returns the sum.
  loop: [
    'PUSH0 PUSH0 CALLDATALOAD',
    '@head DUP1 ISZERO PUSH2 @done JUMPI DUP1 SWAP2 ADD SWAP1 PUSH1 1 SWAP1 SUB PUSH2 @head JUMP',
    '@done POP PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
  ],
  // An internal function, called twice with different return addresses.
  'internal-function': [
    'PUSH2 @first PUSH1 2 PUSH2 @double JUMP',
    '@first PUSH2 @second SWAP1 PUSH2 @double JUMP',
    '@second PUSH0 SSTORE STOP',
    '@double DUP1 ADD SWAP1 JUMP',
  ],
  // Both ways leave different words in one slot, one of them narrow.
  merge: [
    'CALLVALUE PUSH2 @other JUMPI PUSH1 7 PUSH2 @join JUMP',
    '@other PUSH3 0x10000 @join CALLDATASIZE ADD PUSH0 SSTORE',
  ],
  // Once an offset was used, sums with it are narrow.
  'narrow-offset': ['PUSH1 64 MLOAD DUP1 CALLVALUE SWAP1 MSTORE PUSH1 32 ADD CALLER SWAP1 MSTORE STOP'],
  // Where the elements of an array are: the slot's hash is known.
  'array-place': ['PUSH1 18 PUSH0 MSTORE PUSH1 32 PUSH0 KECCAK256 CALLVALUE ADD SLOAD PUSH0 MSTORE'],
  'computed-jump': ['PUSH0 CALLDATALOAD JUMP', '@a STOP'],
  'charges-around-a-log': ['PUSH1 1 PUSH0 MSTORE PUSH1 32 PUSH0 LOG0 GAS POP PUSH1 5 PUSH1 6 ADD POP STOP'],
}

function regionOf(code: Uint8Array, limits: RegionLimits, offset = 0): Region {
  return lowerRegion(analyzeBlocks(code, 'osaka'), offset, limits)
}

suite('the IR of programs', () => {
  for (const [name, lines] of Object.entries(GOLDEN)) {
    test(`${name} is as in its golden file`, () => {
      const file = new URL(`golden/${name}.ir.txt`, import.meta.url)
      const text = printRegion(regionOf(assemble(...lines), TWELVE_BLOCKS))
      if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, text)
      assert.equal(text, readFileSync(file, 'utf8'))
    })
  }
})

suite('for any code', () => {
  for (const [name, limits] of Object.entries({ ONE_BLOCK, TWELVE_BLOCKS })) {
    test(`every region keeps the invariants: ${name}`, () => {
      fc.assert(
        fc.property(fc.oneof(anyCode, structuredCode), (code) => {
          const blocks = analyzeBlocks(code, 'osaka')
          for (const offset of [0, ...blocks.namedTargets]) {
            assert.deepEqual(irViolations(lowerRegion(blocks, offset, limits)), [])
          }
        }),
        { numRuns: 100 },
      )
    })
  }
})

test('what a node charges is the fixed gas of its block, and what constant exponents and hashes cost', () => {
  fc.assert(
    fc.property(fc.oneof(anyCode, structuredCode), (code) => {
      const blocks = analyzeBlocks(code, 'osaka')
      for (const { offset, values } of lowerRegion(blocks, 0, TWELVE_BLOCKS).nodes) {
        const charges = values.filter(({ operation }) => operation === 'charge')
        const excess = charges.reduce((sum, { immediate }) => sum + immediate, 0) - blocks.blockAt(offset).gas
        assert.ok(excess >= 0 && excess % 2 === 0, `node at ${offset}: ${excess}`)
        if (!code.includes(KECCAK256)) assert.equal(excess % EXP_BYTE, 0)
        if (!code.includes(EXP) && !code.includes(KECCAK256)) assert.equal(excess, 0)
      }
    }),
  )
})

suite('the verifier sees', () => {
  const program = assemble(...(GOLDEN['loop'] as readonly string[]))
  /** The program's region after a change that its types do not allow. */
  const broken = (change: (region: Region) => void): string[] => {
    const region = regionOf(program, TWELVE_BLOCKS)
    assert.deepEqual(irViolations(region), [])
    change(region)
    return irViolations(region)
  }
  const writable = (value: Value): { -readonly [Key in keyof Value]: Value[Key] } => value

  const changes: Readonly<Record<string, (region: Region) => void>> = {
    'a value that is used before it is defined': ({ nodes }) => {
      const [, sum, difference] = nodes[2]?.values ?? []
      if (sum !== undefined && difference !== undefined) writable(sum).operands = [difference, difference]
    },
    'a value that is gone': ({ nodes }) => void nodes[0]?.values.splice(0),
    'a missing argument': ({ nodes }) => void nodes[1]?.parameters.pop(),
    'too many bits': ({ nodes }) => {
      for (const value of nodes[2]?.values ?? []) if (value.type === 'word') writable(value).bits = 300
    },
    'a missing operand': ({ nodes }) => {
      for (const value of nodes[2]?.values ?? []) writable(value).operands = []
    },
    'nodes out of order': ({ nodes }) => {
      const mutable = nodes as unknown[]
      mutable.push(mutable.shift())
    },
    'a use that is not counted': ({ nodes }) => {
      for (const value of nodes[1]?.parameters ?? []) value.useCount = 0
    },
    'a loop that cannot be left': ({ nodes }) => {
      for (const node of nodes) node.spillAtStart = undefined
    },
  }
  for (const [name, change] of Object.entries(changes)) {
    test(name, () => assert.notDeepEqual(broken(change), []))
  }
})
