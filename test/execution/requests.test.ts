/** Requests to the consensus layer: the layout of deposit events (EIP-6110), order and hash (EIP-7685). */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  bigintToFixedBytes,
  concatBytes,
  EMPTY_BYTES,
  toHash,
  ZERO_HASH,
} from '../../src/primitives/bytes.ts'
import { EMPTY_REQUESTS_HASH } from '../../src/chain/block-codec.ts'
import { MAINNET_DEPOSIT_CONTRACT } from '../../src/chain/forks.ts'
import type { Log, Receipt } from '../../src/chain/receipt.ts'
import { depositsOf, listRequests, requestsHash } from '../../src/execution/requests.ts'
import { addressOf, smallConfig, smallEnvironment } from '../support/small-world.ts'

const TOPIC = toHash('0x649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5')
const ENVIRONMENT = smallEnvironment('prague', {
  config: { ...smallConfig('prague'), depositContractAddress: MAINNET_DEPOSIT_CONTRACT },
})
/** Sizes of pubkey, withdrawal credentials, amount, signature and index. */
const SIZES = [48, 32, 8, 96, 8]

/** The event's data as Solidity encodes it: five offsets, then each value with its length, padded to words. */
function eventData(values: readonly Uint8Array[]): Uint8Array {
  const tails = values.map((value) => {
    const padding = new Uint8Array((32 - (value.length % 32)) % 32)
    return concatBytes(bigintToFixedBytes(BigInt(value.length), 32), value, padding)
  })
  let offset = 32 * values.length
  const heads = tails.map((tail) => {
    const head = bigintToFixedBytes(BigInt(offset), 32)
    offset += tail.length
    return head
  })
  return concatBytes(...heads, ...tails)
}

function depositLog(changes: Partial<Log> = {}): Log {
  const values = SIZES.map((size, index) => new Uint8Array(size).fill(index + 1))
  return { address: MAINNET_DEPOSIT_CONTRACT, topics: [TOPIC], data: eventData(values), ...changes }
}

function receipts(...logs: readonly Log[]): readonly Receipt[] {
  // Deposits are read from the logs alone.
  return logs.map((log) => ({ logs: [log] }) as unknown as Receipt)
}

/** The event's data with one byte changed. */
function damaged(offset: number): Uint8Array {
  const data = depositLog().data.slice()
  data[offset] = (data[offset] ?? 0) ^ 1
  return data
}

describe('deposits', () => {
  test('are the five values of each event, one behind the other', () => {
    const one = concatBytes(...SIZES.map((size, index) => new Uint8Array(size).fill(index + 1)))
    assert.equal(one.length, 192)
    assert.deepEqual(depositsOf(receipts(depositLog(), depositLog()), ENVIRONMENT), concatBytes(one, one))
  })

  test('are events of the deposit contract with that topic; others may look as they like', () => {
    const others = receipts(
      depositLog({ address: addressOf(1), data: EMPTY_BYTES }),
      depositLog({ topics: [], data: EMPTY_BYTES }),
      depositLog({ topics: [ZERO_HASH, TOPIC], data: EMPTY_BYTES }),
    )
    assert.equal(depositsOf(others, ENVIRONMENT).length, 0)
  })

  test('of another layout make the block invalid: size, each offset, each length', () => {
    const { data } = depositLog()
    const wrong = [
      EMPTY_BYTES,
      data.subarray(0, 575),
      concatBytes(data, Uint8Array.of(0)),
      // The last byte, then a high byte, of the offsets and of the lengths.
      ...[31, 63, 95, 127, 159, 0].map(damaged),
      ...[160, 256, 320, 384, 512].flatMap((offset) => [damaged(offset + 31), damaged(offset)]),
    ]
    for (const bytes of wrong) {
      assert.throws(() => depositsOf(receipts(depositLog({ data: bytes })), ENVIRONMENT), {
        reason: 'requests',
      })
    }
  })

  test('may have anything in their padding', () => {
    assert.equal(depositsOf(receipts(depositLog({ data: damaged(575) })), ENVIRONMENT).length, 192)
  })
})

describe('requests', () => {
  test('stand in the order of their types, the empty ones left out', () => {
    const bytes = Uint8Array.of(9)
    assert.deepEqual(listRequests(bytes, EMPTY_BYTES, bytes), [Uint8Array.of(0, 9), Uint8Array.of(2, 9)])
    assert.deepEqual(listRequests(EMPTY_BYTES, bytes, EMPTY_BYTES), [Uint8Array.of(1, 9)])
  })

  test('are hashed one by one, then all together', () => {
    const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
    const [a, b] = [Uint8Array.of(0, 1, 2), Uint8Array.of(1, 3)]
    assert.equal(requestsHash([a, b]), `0x${sha256(concatBytes(sha256(a), sha256(b))).toString('hex')}`)
    assert.equal(requestsHash([]), EMPTY_REQUESTS_HASH)
  })
})
