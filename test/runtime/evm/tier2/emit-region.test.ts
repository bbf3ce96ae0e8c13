/** Emitted code of small regions, as a listing in golden files: a change there is meant, or a defect. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { FunctionBody } from '../../../../runtime/wasm/function-body.ts'
import { analyzeBlocks } from '../../../../runtime/evm/tier2/block-analysis.ts'
import { emitRegion } from '../../../../runtime/evm/tier2/emit-region.ts'
import { lowerRegion } from '../../../../runtime/evm/tier2/lower.ts'
import { RegionWriter } from '../../../../runtime/evm/tier2/region-writer.ts'
import { RUNTIME_FUNCTIONS, type RuntimeFunction } from '../../../../runtime/evm/wasm/runtime-module.ts'
import { assemble } from '../../../support/assembler.ts'

/** Programs whose code is frozen. Set `UPDATE_GOLDEN` to write it anew. */
const GOLDEN: Readonly<Record<string, string>> = {
  // Widths: 32 bits and 33 need one limb, a word four.
  sums: 'CALLDATASIZE DUP1 ADD CALLVALUE ADD PUSH0 SSTORE STOP',
  'mask-and-shift': 'CALLVALUE PUSH8 0xffffffffffffffff AND PUSH1 96 SHL CALLER OR PUSH0 MSTORE STOP',
  loop: 'PUSH1 9 @head PUSH1 1 SWAP1 SUB DUP1 PUSH2 @head JUMPI STOP',
  call: 'PUSH0 PUSH0 PUSH0 PUSH0 CALLVALUE CALLER GAS CALL STOP',
}

const NAMES = Object.keys(RUNTIME_FUNCTIONS) as RuntimeFunction[]
const HOST = NAMES.length
const JUMP_TO = HOST + 1
const LEAVE_AT = HOST + 2
const OUT_OF_GAS = HOST + 3
const REGIONS = HOST + 4

function nameOf(index: number): string {
  if (index < HOST) return NAMES[index] as string
  if (index === HOST) return 'host'
  if (index === LEAVE_AT) return 'leaveAt'
  if (index === OUT_OF_GAS) return 'outOfGas'
  return index === JUMP_TO ? 'jumpTo' : `region_${index - REGIONS}`
}

/** What is asked of a function's writer, one line each, indented as constructs nest. */
function listing(code: Uint8Array): string {
  const lines: string[] = []
  let nesting = 0
  let isInside = false
  const note = (name: string, parameters: readonly unknown[]): void => {
    if (name === 'close') nesting -= 1
    const isCall = name === 'call' || name === 'returnCall'
    const operands = parameters
      .filter((parameter) => typeof parameter !== 'function')
      .map((parameter) => (isCall ? nameOf(parameter as number) : String(parameter)))
    if (name !== 'local' && name !== 'locals')
      lines.push(`${'  '.repeat(nesting)}${[name, ...operands].join(' ')}`)
    if (name.startsWith('open')) nesting += 1
  }
  const body: FunctionBody = new Proxy(new FunctionBody(2), {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (typeof member !== 'function' || typeof name !== 'string') return member
      return (...parameters: unknown[]): unknown => {
        // What methods ask of each other is their own affair, but not what the emitter does inside of an `if`.
        const hidden = isInside
        if (!hidden) note(name, parameters)
        isInside = true
        const shown = parameters.map((parameter) =>
          typeof parameter === 'function' ? () => inside(parameter as () => void) : parameter,
        )
        try {
          return member.apply(receiver, shown)
        } finally {
          isInside = hidden
        }
      }
    },
  })
  const inside = (write: () => void): void => {
    nesting += 1
    isInside = false
    write()
    isInside = true
    nesting -= 1
  }
  const region = lowerRegion(analyzeBlocks(code, 'osaka'), 0, { nodesMax: 12, operationsMax: 400 })
  const runtime = Object.fromEntries(NAMES.map((name, index) => [name, index])) as Record<
    RuntimeFunction,
    number
  >
  const callees = {
    runtime,
    host: HOST,
    regionAt: (offset: number) => REGIONS + offset,
    jumpTo: () => JUMP_TO,
    leaveAt: LEAVE_AT,
    outOfGas: OUT_OF_GAS,
  }
  emitRegion(new RegionWriter(body, region, callees))
  return `${lines.join('\n')}\n`
}

suite('the code of regions', () => {
  for (const [name, program] of Object.entries(GOLDEN)) {
    test(`${name} is as in its golden file`, () => {
      const file = new URL(`golden/${name}.code.txt`, import.meta.url)
      const text = listing(assemble(program))
      if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, text)
      assert.equal(text, readFileSync(file, 'utf8'))
    })
  }
})
