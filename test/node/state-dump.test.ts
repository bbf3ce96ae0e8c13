/** State dumps of other nodes: what may stand in them. */
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { describe, test } from 'node:test'
import { wordToHash } from '../../src/primitives/bytes.ts'
import { parseStateDump, StateDumpError } from '../../src/node/dev/state-dump.ts'
import { addressOf } from '../support/small-world.ts'

const ACCOUNT = addressOf(0xc0de)

function dumpOf(account: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ accounts: { [ACCOUNT]: account } }))
}

describe('a dump', () => {
  test('gives numbers as JSON numbers, decimal or hex, gzipped or not', () => {
    const account = { nonce: 7, balance: '0x10', code: '0x00', storage: { '0x1': wordToHash(5n), 2: '6' } }
    for (const dump of [dumpOf(account), gzipSync(dumpOf(account))]) {
      const { accounts, codes, storage } = parseStateDump(dump)
      assert.deepEqual(accounts.get(ACCOUNT)?.nonce, 7n)
      assert.deepEqual(accounts.get(ACCOUNT)?.balance, 16n)
      assert.equal(codes.size, 1)
      assert.deepEqual(
        [...(storage.get(ACCOUNT) ?? [])],
        [
          [2n, 6n],
          [1n, 5n],
        ],
      )
    }
  })

  const word = (bits: number): string => `0x1${'0'.repeat(bits / 4)}`
  const wrong: readonly (readonly [string, object])[] = [
    ['a nonce of 65 bits', { nonce: word(64), balance: 0 }],
    ['a balance of 257 bits', { nonce: 0, balance: word(256) }],
    ['a slot of 257 bits', { nonce: 0, balance: 0, storage: { [word(256)]: '0x1' } }],
    ['a value of 257 bits', { nonce: 0, balance: 0, storage: { '0x1': word(256) } }],
    ['a negative number', { nonce: -1, balance: 0 }],
    ['a fraction', { nonce: 0.5, balance: 0 }],
    ['a number that lost digits', { nonce: 0, balance: 1e21 }],
    ['no nonce', { balance: 0 }],
    ['storage that is a list', { nonce: 0, balance: 0, storage: [] }],
  ]
  for (const [what, account] of wrong) {
    test(`with ${what} is refused, the account named`, () => {
      assert.throws(
        () => parseStateDump(dumpOf(account)),
        (error) => error instanceof StateDumpError && error.message.includes(ACCOUNT),
      )
    })
  }
})
