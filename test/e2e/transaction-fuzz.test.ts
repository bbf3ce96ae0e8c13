/**
 * `eth_sendRawTransaction` on a whole node with bytes that are nearly transactions, and with transactions whose fields
 * make no sense but whose signature is that of a rich account: each is answered with its hash or with an error that a
 * client can read, never with an internal error, and the node goes on.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { present } from '../../src/primitives/assert.ts'
import { bytesToHex, hexToBytes } from '../../src/primitives/bytes.ts'
import { DEV_ACCOUNTS } from '../../src/chain/dev-genesis.ts'
import { signTransaction } from '../../src/chain/transaction-signature.ts'
import type { UnsignedTransactionFields } from '../../src/chain/transaction-codec.ts'
import { openSmallNode, type SmallNode } from '../support/small-node.ts'
import { anyTransaction, anyUint64, anyWord, mutatedBytes } from '../support/transaction-arbitraries.ts'

const KEY = hexToBytes(present(DEV_ACCOUNTS[0], 'an account').privateKey)
const RUNS = 2_000

/** Codes of refusals: invalid params, and the -32000 family. */
const REFUSAL_CODES: ReadonlySet<number> = new Set([-32_602, -32_000])

const plausible = <T>(sensible: T, any: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(sensible) }, { weight: 1, arbitrary: any })

/** Most fields of most transactions make sense, so that one that does not is the reason for what happens. */
const signed: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    anyTransaction,
    plausible(31_337n, anyUint64),
    fc.oneof(fc.bigInt({ min: 0n, max: 3n }), anyUint64),
    plausible(100_000n, anyUint64),
    plausible(10n ** 10n, anyWord),
    plausible(1n, anyWord),
  )
  .map(([fields, chainId, nonce, gasLimit, price, value]) => {
    const prices =
      fields.type <= 1 ? { gasPrice: price } : { maxFeePerGas: price, maxPriorityFeePerGas: price / 2n }
    // Each type has its own kind of price; the rest is common to all.
    const unsigned = { ...fields, chainId, nonce, gasLimit, value, ...prices } as UnsignedTransactionFields
    return signTransaction(unsigned, KEY).bytes
  })

describe('a raw transaction', () => {
  let small: SmallNode
  const outcomes = new Map<string, number>()

  before(async () => {
    small = await openSmallNode(new Map())
  })
  after(() => small.close())

  async function send(raw: string): Promise<void> {
    const { error, result } = await small.ask('eth_sendRawTransaction', raw)
    if (error === undefined) assert.match(String(result), /^0x[0-9a-f]{64}$/)
    else {
      assert.ok(REFUSAL_CODES.has(error.code), `${error.code} ${error.message}`)
      assert.match(error.message, /^[a-zA-Z][^\n]{5,1000}$/)
      assert.doesNotMatch(error.message, /undefined|NaN|\[object|internal/)
    }
    const kind = error === undefined ? 'taken' : (error.message.split(/[:;]/, 1)[0] ?? '')
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
  }

  const sendsAll = (raws: fc.Arbitrary<Uint8Array>): Promise<void> =>
    fc.assert(
      fc.asyncProperty(raws, (bytes) => send(bytesToHex(bytes))),
      { numRuns: RUNS },
    )

  test('with fields that make no sense', () => sendsAll(signed))

  test('with bytes that were changed, cut off or added', () => sendsAll(mutatedBytes(signed)))

  test('of noise', () =>
    sendsAll(
      fc
        .tuple(
          fc.constantFrom('', '00', '01', '02', '03', '04', '05', '7f', 'c0', 'f8', 'ff'),
          fc.uint8Array({ maxLength: 300 }),
        )
        .map(([prefix, bytes]) => hexToBytes(`0x${prefix}${bytes.toHex()}`)),
    ))

  test('that is no hex', () =>
    fc.assert(fc.asyncProperty(fc.string({ maxLength: 100 }), (text) => send(text))))

  test('is taken or refused for many reasons, and the node goes on', async (t) => {
    for (const [kind, count] of [...outcomes].toSorted(([, a], [, b]) => b - a).slice(0, 12)) {
      t.diagnostic(`${count} × ${kind}`)
    }
    assert.ok((outcomes.get('taken') ?? 0) > 0)
    assert.ok(outcomes.size >= 12, [...outcomes.keys()].join('\n'))
    await small.call('anvil_dropAllTransactions')
    const before = Number(await small.call('eth_blockNumber'))
    await small.send({ to: present(DEV_ACCOUNTS[1], 'an account').address, value: '0x1' })
    assert.equal(Number(await small.call('eth_blockNumber')), before + 1)
  })
})
