/** Params: what is taken, what is refused, and that refusals name the param and the cure. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { bytesToHex, toAddress, UINT64_MAX, WORD_MAX, wordToHash } from '../../src/primitives/bytes.ts'
import { RpcError } from '../../src/rpc/errors.ts'
import {
  parseAddress,
  parseArray,
  parseBoolean,
  parseData,
  parseHash,
  parseLooseQuantity,
  parseObject,
  parseOneOf,
  parseQuantity,
  parseUint64,
} from '../../src/rpc/parse.ts'
import { parseBlockId, parseBlockNumber } from '../../src/rpc/parse-block.ts'
import { parseCallRequest } from '../../src/rpc/parse-call.ts'

function refused(parse: () => unknown, text: RegExp): void {
  assert.throws(parse, (error) => {
    assert.ok(error instanceof RpcError, String(error))
    assert.equal(error.rpcCode, -32602)
    assert.match(error.message, text)
    return true
  })
}

describe('quantities', () => {
  it('round-trip', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, WORD_MAX), (value) => {
        assert.equal(parseQuantity(`0x${value.toString(16)}`, 'q'), value)
        assert.equal(parseLooseQuantity(value.toString(), 'q'), value)
        assert.equal(parseLooseQuantity(wordToHash(value), 'q'), value)
      }),
    )
  })

  for (const value of [
    '',
    '0x',
    '1',
    '0x01',
    '0x00',
    '0xg',
    '-0x1',
    '0x-1',
    ' 0x1',
    '0x1 ',
    1,
    null,
    {},
    [],
    true,
  ]) {
    it(`are not ${JSON.stringify(value)}`, () => {
      refused(() => parseQuantity(value, 'gas'), /^invalid params: gas: expected a quantity as 0x/)
    })
  }

  it('have at most 256 bits, or as many as the param', () => {
    assert.equal(parseQuantity(`0x${WORD_MAX.toString(16)}`, 'q'), WORD_MAX)
    refused(() => parseQuantity(`0x1${'0'.repeat(64)}`, 'q'), /expected a quantity/)
    refused(() => parseUint64(`0x1${'0'.repeat(16)}`, 'nonce'), /nonce: 18446744073709551616 is too large/)
    refused(() => parseLooseQuantity(`1${'0'.repeat(90)}`, 'q'), /expected a whole number/)
  })

  it('of development tools come as numbers, decimals and padded hex', () => {
    for (const value of [16, '16', '0x10', '0x0010']) assert.equal(parseLooseQuantity(value, 'q'), 16n)
    for (const value of [-1, 1.5, 2 ** 53, Number.NaN, '1e3', '-1', '', null, undefined]) {
      refused(() => parseLooseQuantity(value, 'q'), /expected a whole number/)
    }
  })
})

describe('bytes, addresses and hashes', () => {
  it('round-trip in either case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, isUpper) => {
        const digits = bytesToHex(bytes).slice(2)
        const text = `0x${isUpper ? digits.toUpperCase() : digits}`
        assert.deepEqual(parseData(text, 'data'), bytes)
      }),
    )
  })

  it('come out in lower case', () => {
    assert.equal(parseAddress(`0x${'AB'.repeat(20)}`, 'a'), toAddress(`0x${'ab'.repeat(20)}`))
    assert.equal(parseHash(`0x${'AB'.repeat(32)}`, 'h'), `0x${'ab'.repeat(32)}`)
  })

  it('are refused with the wrong length, digits or type', () => {
    refused(
      () => parseData('0x1', 'data'),
      /data: expected bytes as 0x and an even number of hex digits, got "0x1"/,
    )
    refused(() => parseAddress(`0x${'ab'.repeat(19)}`, 'to'), /to: expected 20 bytes as 0x and 40 hex digits/)
    refused(() => parseHash(`0x${'ab'.repeat(33)}`, 'hash'), /hash: expected 32 bytes/)
    refused(() => parseHash('ab'.repeat(33), 'hash'), /hash: expected 32 bytes/)
    for (const value of [null, undefined, 1, true, {}, []]) {
      refused(() => parseData(value, 'x'), /expected/)
      refused(() => parseAddress(value, 'x'), /expected/)
      refused(() => parseHash(value, 'x'), /expected/)
    }
  })

  it('are shown shortened, and never as a whole object', () => {
    refused(() => parseAddress('z'.repeat(1_000), 'a'), /got "z{10,60}…$/)
    refused(() => parseAddress({ a: 1 }, 'a'), /got an object$/)
    refused(() => parseAddress(undefined, 'a'), /got nothing$/)
  })
})

describe('structures', () => {
  it('name the item that is wrong', () => {
    refused(() => parseArray(['0x', 5], 'list', 2, parseData), /list\[1\]: expected bytes/)
    refused(() => parseArray([1, 2, 3], 'list', 2, parseBoolean), /list: at most 2 items are taken, got 3/)
    refused(() => parseArray({ length: 1 }, 'list', 2, parseBoolean), /list: expected an array/)
    refused(() => parseObject([], 'object'), /expected an object, got an array/)
    refused(() => parseObject(null, 'object'), /expected an object/)
    refused(() => parseOneOf('c', 'kind', ['a', 'b']), /kind: expected one of a, b, got "c"/)
  })
})

describe('blocks', () => {
  const hash = wordToHash(7n)

  it('are named by number, tag, hash or EIP-1898', () => {
    assert.deepEqual(parseBlockId('0x10', 'b'), { kind: 'number', number: 16n })
    assert.deepEqual(parseBlockId(undefined, 'b'), { kind: 'tag', tag: 'latest' })
    for (const tag of ['latest', 'pending', 'safe', 'finalized', 'earliest'] as const) {
      assert.deepEqual(parseBlockId(tag, 'b'), { kind: 'tag', tag })
    }
    assert.deepEqual(parseBlockId(hash, 'b'), { kind: 'hash', hash })
    assert.deepEqual(parseBlockId({ blockHash: hash, requireCanonical: true }, 'b'), { kind: 'hash', hash })
    assert.deepEqual(parseBlockId({ blockNumber: '0x2' }, 'b'), { kind: 'number', number: 2n })
  })

  it('are refused in any other form', () => {
    for (const value of [
      '2',
      '0x',
      '0x02',
      'newest',
      2,
      true,
      {},
      [],
      { blockHash: hash, blockNumber: '0x1' },
    ]) {
      refused(() => parseBlockId(value, 'block'), /block/)
    }
    refused(() => parseBlockId({ blockHash: hash, requireCanonical: 'yes' }, 'b'), /requireCanonical/)
    refused(() => parseBlockNumber(hash, 'block'), /block: expected a quantity/)
    refused(() => parseBlockNumber(`0x${(UINT64_MAX + 1n).toString(16)}`, 'block'), /too large/)
  })
})

describe('call objects', () => {
  const to = `0x${'ab'.repeat(20)}`

  it('have data under either name, or both when they agree', () => {
    for (const call of [{ data: '0x01' }, { input: '0x01' }, { data: '0x01', input: '0x01' }]) {
      assert.deepEqual(parseCallRequest(call, 'call').data, Uint8Array.of(1))
    }
    refused(() => parseCallRequest({ data: '0x01', input: '0x02' }, 'call'), /both "data" and "input"/)
  })

  it('may leave out everything', () => {
    const call = parseCallRequest({ to: null, data: null, value: null }, 'call')
    assert.ok(Object.values(call).every((value) => value === undefined))
  })

  it('carry access lists and authorizations', () => {
    const key = wordToHash(1n)
    const authorization = { chainId: '0x1', address: to, nonce: '0x2', yParity: '0x0', r: '0x3', s: '0x4' }
    const call = parseCallRequest(
      {
        to,
        accessList: [{ address: to, storageKeys: [key] }, { address: to }],
        authorizationList: [authorization],
      },
      'call',
    )
    assert.deepEqual(call.accessList, [
      { address: to, storageKeys: [key] },
      { address: to, storageKeys: [] },
    ])
    assert.deepEqual(call.authorizationList, [
      { chainId: 1n, address: to, nonce: 2n, yParity: 0n, r: 3n, s: 4n },
    ])
  })

  it('name the member that is wrong', () => {
    refused(() => parseCallRequest({ to: '0x12' }, 'call'), /call\.to: expected 20 bytes/)
    refused(() => parseCallRequest({ gas: '0x1', value: 1 }, 'call'), /call\.value: expected a quantity/)
    refused(() => parseCallRequest({ gasPrice: '0x1', maxFeePerGas: '0x1' }, 'call'), /both gasPrice and/)
    refused(
      () => parseCallRequest({ accessList: [{ address: to, storageKeys: ['0x1'] }] }, 'call'),
      /call\.accessList\[0\]\.storageKeys\[0\]: expected 32 bytes/,
    )
  })

  it('do not read inherited members', () => {
    const call = parseCallRequest(JSON.parse('{"__proto__":{"to":"0x12"}}'), 'call')
    assert.equal(call.to, undefined)
  })
})
