/** `aevir engine explain`: what the compiler makes of a contract. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { assemble } from '../support/assembler.ts'
import { outputOf, refusalOf } from '../support/cli.ts'

/** Counts down, calls somebody, ends. */
const CODE = assemble(
  'PUSH1 7 @head PUSH1 1 SWAP1 SUB DUP1 PUSH2 @head JUMPI',
  'PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 CALLER GAS CALL STOP',
)

suite('engine explain', () => {
  test('shows blocks, regions and the intermediate form', async () => {
    const text = await outputOf(['engine', 'explain', bytesToHex(CODE), '--ir'])
    const file = new URL('golden/engine-explain.txt', import.meta.url)
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, text)
    assert.equal(text, readFileSync(file, 'utf8'))
  })

  test('refuses what is no code, and an unknown fork', async () => {
    assert.match(await refusalOf(['engine', 'explain', '0x123']), /the code is not hex of whole bytes/)
    assert.match(
      await refusalOf(['engine', 'explain', '0x', '--fork', 'london']),
      /unknown instruction set "london"/,
    )
  })
})
