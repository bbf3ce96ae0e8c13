/** EIP-712 digests, against the published example, a library and hostile types. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TypedDataEncoder, type TypedDataField } from 'ethers'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { RpcError } from '../../src/rpc/errors.ts'
import { typedDataDigest } from '../../src/rpc/typed-data.ts'

const digest = (data: unknown): string => bytesToHex(typedDataDigest(data, 'typed data'))

/** The example of EIP-712. */
const MAIL = {
  domain: {
    name: 'Ether Mail',
    version: '1',
    chainId: 1,
    verifyingContract: '0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC',
  },
  types: {
    EIP712Domain: [
      { name: 'name', type: 'string' },
      { name: 'version', type: 'string' },
      { name: 'chainId', type: 'uint256' },
      { name: 'verifyingContract', type: 'address' },
    ],
    Person: [
      { name: 'name', type: 'string' },
      { name: 'wallet', type: 'address' },
    ],
    Mail: [
      { name: 'from', type: 'Person' },
      { name: 'to', type: 'Person' },
      { name: 'contents', type: 'string' },
    ],
  },
  primaryType: 'Mail',
  message: {
    from: { name: 'Cow', wallet: '0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826' },
    to: { name: 'Bob', wallet: '0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB' },
    contents: 'Hello, Bob!',
  },
} as const

describe('the digest', () => {
  it('of the example in EIP-712 is the published one', () => {
    const expected = '0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2'
    assert.equal(digest(MAIL), expected)
    assert.equal(digest(JSON.stringify(MAIL)), expected)
  })

  it('does not need the type of the domain', () => {
    const { EIP712Domain: _, ...types } = MAIL.types
    assert.equal(digest({ ...MAIL, types }), digest(MAIL))
  })

  it('of every atomic type, arrays and structs is that of ethers', () => {
    const hex = (size: number): fc.Arbitrary<string> =>
      fc.uint8Array({ minLength: size, maxLength: size }).map(bytesToHex)
    const value = fc.record({
      text: fc.string({ unit: 'grapheme' }),
      raw: fc.uint8Array({ maxLength: 70 }).map(bytesToHex),
      word: hex(32),
      short: hex(3),
      yes: fc.boolean(),
      who: hex(20),
      small: fc.integer({ min: 0, max: 255 }),
      big: fc.bigInt(0n, (1n << 256n) - 1n).map(String),
      signed: fc.bigInt(-(1n << 127n), (1n << 127n) - 1n).map(String),
      list: fc.array(fc.boolean(), { maxLength: 4 }),
      grid: fc.array(fc.tuple(fc.nat(99), fc.nat(99)), { maxLength: 3 }),
      inner: fc.array(fc.record({ name: fc.string() }), { maxLength: 3 }),
    })
    const types: Record<string, TypedDataField[]> = {
      Outer: [
        { name: 'text', type: 'string' },
        { name: 'raw', type: 'bytes' },
        { name: 'word', type: 'bytes32' },
        { name: 'short', type: 'bytes3' },
        { name: 'yes', type: 'bool' },
        { name: 'who', type: 'address' },
        { name: 'small', type: 'uint8' },
        { name: 'big', type: 'uint256' },
        { name: 'signed', type: 'int128' },
        { name: 'list', type: 'bool[]' },
        { name: 'grid', type: 'uint32[2][]' },
        { name: 'inner', type: 'Zebra[]' },
      ],
      Zebra: [{ name: 'name', type: 'string' }],
    }
    const domain = { name: 'x', chainId: 31337 }
    fc.assert(
      fc.property(value, (message) => {
        const expected = TypedDataEncoder.hash(domain, types, message)
        assert.equal(digest({ domain, types, primaryType: 'Outer', message }), expected)
      }),
    )
  })
})

describe('typed data', () => {
  const withType = (type: string, value: unknown): unknown => ({
    domain: {},
    types: { T: [{ name: 'a', type }] },
    primaryType: 'T',
    message: { a: value },
  })
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['uint8', 256, /message\.a: 256 does not fit uint8/],
    ['int8', '-129', /-129 does not fit int8/],
    ['uint7', 1, /the type uint7 is neither known/],
    ['uint264', 1, /the type uint264 is neither known/],
    ['bytes33', '0x', /the type bytes33 is neither known/],
    ['bytes2', '0x010203', /bytes2 holds 2 bytes, got 3/],
    ['Missing', {}, /the type Missing is neither known/],
    ['bool[2]', [true], /expected 2 items, got 1/],
    ['bool[]', 'x', /expected an array/],
    ['address', '0x1', /expected 20 bytes/],
    ['uint256', 1.5, /expected an integer/],
    ['constructor', {}, /is neither known/],
  ]
  for (const [type, value, text] of cases) {
    it(`with a ${type} of ${JSON.stringify(value)} is refused`, () => {
      assert.throws(
        () => digest(withType(type, value)),
        (error) => error instanceof RpcError && text.test(error.message),
      )
    })
  }

  it('whose types refer to themselves ends with its data', () => {
    const types = { T: [{ name: 'next', type: 'T' }] }
    const data = { domain: {}, types, primaryType: 'T', message: { next: { next: null } } }
    assert.match(digest(data), /^0x[0-9a-f]{64}$/)
  })

  it('of any JSON is either hashed or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (domain, types, message) => {
        for (const data of [
          message,
          { domain, types, primaryType: 'T', message },
          withType(JSON.stringify(domain), message),
        ]) {
          try {
            assert.match(digest(data), /^0x/)
          } catch (error) {
            assert.ok(error instanceof RpcError, String(error))
          }
        }
      }),
    )
  })
})
