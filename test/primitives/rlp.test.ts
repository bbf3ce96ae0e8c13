/** RLP: round trips, one encoding each, bounds, the public RLPTests. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { bytesToHex, concatBytes, hexToBytes } from '../../src/primitives/bytes.ts'
import {
  decodeRlp,
  encodeRlp,
  RLP_DEPTH_MAX,
  RLP_ITEMS_MAX,
  rlpBytes,
  RlpError,
  rlpFixedBytes,
  rlpItemSize,
  rlpList,
  rlpUint,
  type RlpItem,
} from '../../src/primitives/rlp.ts'
import { judgeRlpVector, type RlpVector } from '../support/rlp-vectors.ts'
import { parseJson, SHARED_SKIP, untar } from '../support/shared.ts'

const { item: anyItem } = fc.letrec<{ item: RlpItem }>((tie) => ({
  item: fc.oneof(
    { depthSize: 'small' },
    fc.uint8Array({ maxLength: 70 }),
    fc.array(tie('item'), { maxLength: 6 }),
  ),
}))

suite('RLP', () => {
  test('encodes as the yellow paper’s examples do', () => {
    const dog = Uint8Array.of(0x64, 0x6f, 0x67)
    assert.equal(bytesToHex(encodeRlp(dog)), '0x83646f67')
    assert.equal(bytesToHex(encodeRlp([])), '0xc0')
    assert.equal(bytesToHex(encodeRlp([[], [[]], [[], [[]]]])), '0xc7c0c1c0c3c0c1c0')
    assert.equal(bytesToHex(encodeRlp(new Uint8Array(56))), `0xb838${'00'.repeat(56)}`)
    assert.equal(bytesToHex(encodeRlp([new Uint8Array(55)])), `0xf838b7${'00'.repeat(55)}`)
  })

  test('decodes what it encoded, and encodes it to the same bytes', () => {
    fc.assert(
      fc.property(anyItem, (item) => {
        const bytes = encodeRlp(item)
        assert.deepEqual(decodeRlp(bytes), item)
        assert.equal(rlpItemSize(bytes), bytes.length)
      }),
    )
  })

  test('accepts exactly one encoding of each item: any bytes either fail or come back the same', () => {
    const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated(anyItem.map(encodeRlp)))
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        let item: RlpItem
        try {
          item = decodeRlp(bytes)
        } catch (error) {
          assert.ok(error instanceof RlpError)
          return
        }
        assert.equal(bytesToHex(encodeRlp(item)), bytesToHex(bytes))
      }),
      { numRuns: 1_000 },
    )
  })

  test('bounds nesting and the number of items', () => {
    const nested = (depth: number): RlpItem => (depth === 0 ? [] : [nested(depth - 1)])
    assert.deepEqual(decodeRlp(encodeRlp(nested(RLP_DEPTH_MAX))), nested(RLP_DEPTH_MAX))
    assert.throws(() => decodeRlp(encodeRlp(nested(RLP_DEPTH_MAX + 1))), /nested more than 1024 deep/)

    const flat = new Uint8Array(RLP_ITEMS_MAX + 1).fill(0xc0)
    assert.throws(
      () => decodeRlp(concatBytes(Uint8Array.of(0xfa, 0x20, 0, 1), flat)),
      /more than 2097152 items/,
    )
  })

  test('says how many bytes the first item of a sequence takes', () => {
    const second = encodeRlp(new Uint8Array(1_000))
    assert.equal(rlpItemSize(concatBytes(second, second)), second.length)
    assert.equal(rlpItemSize(Uint8Array.of(0xb9, 0x03)), undefined)
    assert.equal(rlpItemSize(Uint8Array.of()), undefined)
    assert.equal(rlpItemSize(Uint8Array.of(0xf8, 200)), 202)
    assert.throws(() => rlpItemSize(Uint8Array.of(0xf8, 1)), RlpError)
  })

  test('reads fields of the shape that is asked for, and names the one that has another', () => {
    assert.equal(rlpUint(Uint8Array.of(1, 0), 2, 'nonce'), 256n)
    assert.equal(rlpUint(new Uint8Array(0), 8, 'nonce'), 0n)
    assert.throws(() => rlpUint(Uint8Array.of(0), 8, 'nonce'), /nonce has a leading zero/)
    assert.throws(
      () => rlpUint(new Uint8Array(9).fill(1), 8, 'nonce'),
      /nonce must have at most 8 bytes, not 9/,
    )
    assert.throws(() => rlpBytes([], 'data'), /data must be a byte string/)
    assert.throws(() => rlpFixedBytes(new Uint8Array(19), 20, 'to'), /to must have 20 bytes, not 19/)
    assert.throws(() => rlpList(new Uint8Array(0), 'logs'), /logs must be a list/)
    assert.throws(() => rlpList(undefined, 'logs'), /logs must be a list/)
    assert.throws(() => rlpList([[]], 'log', 3), /log must have 3 items, not 1/)
  })

  test('holds on every case of the public RLPTests', { skip: SHARED_SKIP }, () => {
    let count = 0
    for (const [path, bytes] of untar('trie-rlp-tx/ethereum-tests-small.tar.gz')) {
      if (!path.startsWith('RLPTests/')) continue
      for (const [name, vector] of Object.entries(parseJson<Record<string, RlpVector>>(bytes))) {
        assert.equal(judgeRlpVector(vector), undefined, `${path} ${name}`)
        count++
      }
    }
    assert.equal(count, 55)
  })

  test('refuses the classics of malleability', () => {
    for (const hex of [
      '0x8100',
      '0x817f',
      '0xb800',
      '0xb90000',
      '0xb801ff',
      '0xf800',
      '0xc101c0',
      '0x',
      '0x81',
      '0xbfff',
    ]) {
      assert.throws(() => decodeRlp(hexToBytes(hex)), RlpError, hex)
    }
  })
})

/** Encodings with some bytes replaced. */
function mutated(encodings: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
  return fc.tuple(encodings, changes).map(([bytes, list]) => {
    const copy = Uint8Array.from(bytes)
    for (const [position, byte] of list) copy[position % copy.length] = byte
    return copy
  })
}
