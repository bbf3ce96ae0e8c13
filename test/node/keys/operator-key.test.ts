/** The account a node pays from: made once, kept for the owner only, refused when it is none. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { recoverSender } from '../../../src/chain/transaction-signature.ts'
import { openOperator } from '../../../src/node/keys/operator-key.ts'
import { EMPTY_BYTES, ZERO_ADDRESS } from '../../../src/primitives/bytes.ts'
import { SECP256K1_ORDER } from '../../../src/primitives/secp256k1.ts'

describe('the operator key', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'aevir-operator-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const write = (text: string, mode = 0o600): void =>
    writeFileSync(join(directory, 'operator.key'), text, { mode })

  test('is made once, and signs for its account', () => {
    const operator = openOperator(join(directory, 'node-1'))
    assert.deepEqual(readdirSync(join(directory, 'node-1')), ['operator.key'])
    assert.equal(statSync(join(directory, 'node-1', 'operator.key')).mode & 0o777, 0o600)
    assert.equal(openOperator(join(directory, 'node-1')).address, operator.address)
    assert.notEqual(openOperator(join(directory, 'node-2')).address, operator.address)
    const transaction = operator.signTransaction({
      type: 2,
      chainId: 7n,
      nonce: 0n,
      gasLimit: 21_000n,
      maxFeePerGas: 1n,
      maxPriorityFeePerGas: 0n,
      to: ZERO_ADDRESS,
      value: 0n,
      data: EMPTY_BYTES,
      accessList: [],
    })
    assert.equal(recoverSender(transaction), operator.address)
  })

  test('may come from elsewhere', () => {
    write(`0x${'00'.repeat(31)}01\n`)
    assert.equal(openOperator(directory).address, '0x7e5f4552091a69125d5dfcb7b8c2659029395bdf')
  })

  test('is refused when it is no key, or open to others', () => {
    for (const text of ['', 'key', '00'.repeat(32), SECP256K1_ORDER.toString(16), `${'11'.repeat(33)}\n`]) {
      write(text)
      assert.throws(() => openOperator(directory), { code: 'KEY_FORMAT' }, text)
    }
    rmSync(join(directory, 'operator.key'))
    write(`${'11'.repeat(32)}\n`, 0o644)
    assert.throws(() => openOperator(directory), { code: 'KEY_FILE_EXPOSED' })
  })
})
