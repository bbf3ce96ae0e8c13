/** The transaction pool: what gets in, what waits, what is taken first, what has to go. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hexToBytes, type Address } from '../../src/primitives/bytes.ts'
import { DEV_ACCOUNTS } from '../../src/chain/dev-genesis.ts'
import type { UnsignedTransactionFields } from '../../src/chain/transaction-codec.ts'
import { recoverSender, signTransaction } from '../../src/chain/transaction-signature.ts'
import type { Transaction } from '../../src/chain/transaction.ts'
import { InvalidTransactionError } from '../../src/execution/errors.ts'
import { MemoryPool, type PoolHead } from '../../src/pool/pool.ts'
import type { PoolLimits } from '../../src/pool/pool-limits.ts'
import { PoolError, type PoolRefusal } from '../../src/pool/transaction-pool.ts'
import { addressOf, AMPLE_ALLOWANCE, smallEnvironment, smallWorld } from '../support/small-world.ts'

const COIN = 10n ** 18n
const GWEI = 10n ** 9n

interface Person {
  readonly address: Address
  readonly key: Uint8Array
}

const [ALICE, BOB, CAROL] = DEV_ACCOUNTS.map(({ address, privateKey }) => ({
  address,
  key: hexToBytes(privateKey),
})) as [Person, Person, Person]

function transfer(from: Person, nonce: bigint, fields: Partial<UnsignedTransactionFields> = {}): Transaction {
  return signTransaction(
    {
      type: 2,
      chainId: 31_337n,
      nonce,
      gasLimit: 21_000n,
      to: addressOf(0x77),
      value: 0n,
      data: new Uint8Array(0),
      accessList: [],
      maxFeePerGas: 10n * GWEI,
      maxPriorityFeePerGas: GWEI,
      ...fields,
    } as UnsignedTransactionFields,
    from.key,
  )
}

function head(nonces: readonly (readonly [Person, bigint])[] = [], balance = COIN): PoolHead {
  const nonceOf = new Map(nonces.map(([{ address }, nonce]) => [address, nonce]))
  const accounts = [ALICE, BOB, CAROL].map(
    ({ address }) => [address, { balance, nonce: nonceOf.get(address) ?? 0n }] as const,
  )
  return {
    state: smallWorld(new Map(accounts)),
    environment: smallEnvironment('osaka', { baseFeePerGas: GWEI }),
  }
}

function pool(limits: Partial<PoolLimits> = {}, at = head()): MemoryPool {
  return new MemoryPool(at, limits)
}

function assertRefused(
  waiting: MemoryPool,
  from: Person,
  transaction: Transaction,
  reason: PoolRefusal,
  text: RegExp,
): void {
  const before = waiting.status()
  assert.throws(
    () => waiting.add(transaction, from.address),
    (error) => error instanceof PoolError && error.reason === reason && text.test(error.message),
    `${reason} ${text}`,
  )
  assert.deepEqual(waiting.status(), before, 'a refusal changes nothing')
}

/** Nonces and senders in the order in which a block would take them. */
function order(waiting: MemoryPool): readonly string[] {
  const source = waiting.source()
  const taken: string[] = []
  for (let offer = source.next(AMPLE_ALLOWANCE); offer !== undefined; offer = source.next(AMPLE_ALLOWANCE)) {
    const name = [ALICE, BOB, CAROL].findIndex(({ address }) => address === offer.sender)
    taken.push(`${'ABC'.charAt(name)}${offer.transaction.fields.nonce}`)
  }
  return taken
}

describe('a transaction gets in', () => {
  test('and is pending when its nonce follows, else queued', () => {
    const waiting = pool()
    waiting.add(transfer(ALICE, 0n), ALICE.address)
    waiting.add(transfer(ALICE, 2n), ALICE.address)
    assert.deepEqual([waiting.status().pending, waiting.status().queued], [1, 1])
    assert.equal(waiting.nextNonce(ALICE.address), 1n)
    waiting.add(transfer(ALICE, 1n), ALICE.address)
    assert.deepEqual([waiting.status().pending, waiting.status().queued], [3, 0])
    assert.equal(waiting.nextNonce(ALICE.address), 3n)
  })

  test('unless a rule is against it, which the text names with its numbers', () => {
    const waiting = pool({}, head([[ALICE, 5n]]))
    const known = transfer(ALICE, 5n)
    waiting.add(known, ALICE.address)
    assertRefused(waiting, ALICE, known, 'alreadyKnown', /already known/)
    assertRefused(
      waiting,
      ALICE,
      transfer(ALICE, 4n),
      'nonceTooLow',
      /nonce too low: next nonce 5, tx nonce 4/,
    )
    assertRefused(
      waiting,
      ALICE,
      transfer(ALICE, 5_000n),
      'nonceTooHigh',
      /nonce too high: next nonce 5, tx nonce 5000/,
    )
    assertRefused(
      waiting,
      BOB,
      transfer(BOB, 0n, { value: 2n * COIN }),
      'insufficientFunds',
      /insufficient funds .* short by/,
    )
    assertRefused(
      waiting,
      BOB,
      transfer(BOB, 0n, { gasLimit: 20_999n }),
      'intrinsicGasTooLow',
      /intrinsic gas too low/,
    )
    assertRefused(
      waiting,
      BOB,
      transfer(BOB, 0n, { gasLimit: 2n ** 24n + 1n }),
      'gasLimitReached',
      /gas limit too high/,
    )
    const fees = { maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }
    assertRefused(
      waiting,
      BOB,
      transfer(BOB, 0n, fees),
      'feeCapBelowBaseFee',
      /max fee per gas less than block base fee/,
    )
    const tip = { maxFeePerGas: GWEI, maxPriorityFeePerGas: 2n * GWEI }
    assertRefused(
      waiting,
      BOB,
      transfer(BOB, 0n, tip),
      'tipAboveFeeCap',
      /max priority fee per gas higher than max fee/,
    )
    assertRefused(waiting, BOB, transfer(BOB, 0n, { chainId: 1n }), 'wrongChainId', /invalid chain id/)
    const large = transfer(BOB, 0n, { data: new Uint8Array(129 * 1024), gasLimit: 10_000_000n })
    assertRefused(waiting, BOB, large, 'oversized', /oversized data/)
    const blob = { type: 3, maxFeePerBlobGas: 1n, blobVersionedHashes: [`0x01${'00'.repeat(31)}`] }
    const blobs = transfer(BOB, 0n, blob as Partial<UnsignedTransactionFields>)
    assertRefused(waiting, BOB, blobs, 'typeNotSupported', /transaction type not valid.*blob/)
  })

  test('in place of another one only for 10 % more, of both prices', () => {
    const waiting = pool()
    const first = transfer(ALICE, 0n)
    waiting.add(first, ALICE.address)
    const price = (fee: bigint, tip: bigint) =>
      transfer(ALICE, 0n, { maxFeePerGas: fee, maxPriorityFeePerGas: tip })
    const cheap = price(11n * GWEI, GWEI)
    assertRefused(
      waiting,
      ALICE,
      cheap,
      'replacementUnderpriced',
      /replacement transaction underpriced: needs .* 11000000000 .* 1100000000/,
    )
    const second = price(11n * GWEI, (GWEI * 11n) / 10n)
    waiting.add(second, ALICE.address)
    assert.equal(waiting.get(first.hash), undefined)
    assert.equal(waiting.dropped(first.hash), 'replaced')
    assert.equal(waiting.status().pending, 1)
  })

  test('while its sender can pay for the whole queue', () => {
    const waiting = pool({}, head([], COIN))
    waiting.add(transfer(ALICE, 0n, { value: COIN / 2n }), ALICE.address)
    const second = transfer(ALICE, 1n, { value: COIN / 2n })
    assertRefused(waiting, ALICE, second, 'insufficientFunds', /queued cost/)
  })

  test('while the pool and the sender have room, else the cheapest last one goes', () => {
    const waiting = pool({ transactionsMax: 2, perSenderMax: 2 })
    const low = transfer(ALICE, 0n, { maxPriorityFeePerGas: 1n })
    waiting.add(low, ALICE.address)
    waiting.add(transfer(BOB, 0n), BOB.address)
    const lower = transfer(CAROL, 0n, { maxPriorityFeePerGas: 0n })
    assertRefused(waiting, CAROL, lower, 'poolFull', /pool is full: 2 transactions/)
    waiting.add(transfer(CAROL, 0n), CAROL.address)
    assert.equal(waiting.dropped(low.hash), 'evicted')
    const roomy = pool({ perSenderMax: 2 })
    for (const nonce of [0n, 1n]) roomy.add(transfer(ALICE, nonce), ALICE.address)
    assertRefused(roomy, ALICE, transfer(ALICE, 2n), 'senderLimit', /too many transactions of one sender/)
  })
})

describe('a full pool', () => {
  const tip = (wei: bigint) => ({ maxPriorityFeePerGas: wei })

  test('gives up last nonces only, the cheapest of them, the latest of equals', () => {
    const waiting = pool({ transactionsMax: 4 })
    const [first, last] = [transfer(ALICE, 0n, tip(1n)), transfer(ALICE, 1n, tip(5n))]
    const [early, late] = [transfer(BOB, 0n, tip(4n)), transfer(CAROL, 0n, tip(4n))]
    for (const [transaction, person] of [
      [first, ALICE],
      [last, ALICE],
      [early, BOB],
      [late, CAROL],
    ] as const) {
      waiting.add(transaction, person.address)
    }
    // 4 wei of CAROL's last one are the least: ALICE's 1 wei stand below her 5.
    waiting.add(transfer(BOB, 1n, tip(6n)), BOB.address)
    assert.equal(waiting.dropped(late.hash), 'evicted')
    waiting.add(transfer(CAROL, 0n, tip(7n)), CAROL.address)
    assert.equal(waiting.dropped(last.hash), 'evicted')
    assert.ok(waiting.get(first.hash) !== undefined && waiting.get(early.hash) !== undefined)
  })

  test('spares the newcomer’s own sender: what it follows must not go', () => {
    const waiting = pool({ transactionsMax: 2 })
    waiting.add(transfer(ALICE, 0n, tip(1n)), ALICE.address)
    const other = transfer(BOB, 0n, tip(3n))
    waiting.add(other, BOB.address)
    waiting.add(transfer(ALICE, 1n, tip(9n)), ALICE.address)
    assert.equal(waiting.dropped(other.hash), 'evicted')
    assert.equal(waiting.status().pending, 2)
    assertRefused(waiting, ALICE, transfer(ALICE, 2n, tip(9n)), 'poolFull', /pool is full/)
  })

  test('makes room for bytes with as many as it takes', () => {
    const size = transfer(ALICE, 0n, tip(1n)).bytes.length
    const waiting = pool({ bytesMax: 2 * size + 8 })
    waiting.add(transfer(ALICE, 0n, tip(1n)), ALICE.address)
    waiting.add(transfer(BOB, 0n, tip(2n)), BOB.address)
    const large = transfer(CAROL, 0n, { ...tip(3n), data: new Uint8Array(size), gasLimit: 100_000n })
    waiting.add(large, CAROL.address)
    assert.deepEqual(waiting.status(), { pending: 1, queued: 0, bytes: large.bytes.length })
  })

  test('is never over its limits, and never loses one that something behind it needs', () => {
    const people = [ALICE, BOB, CAROL]
    const step = fc.record({
      person: fc.nat(2),
      nonce: fc.nat(3),
      tip: fc.nat(40),
      isRemoval: fc.integer({ min: 0, max: 9 }).map((value) => value === 0),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const waiting = pool({ transactionsMax: 4 })
        const known: Transaction[] = []
        for (const { person, nonce, tip: wei, isRemoval } of steps) {
          const { address } = people[person] as Person
          const transaction = transfer(people[person] as Person, BigInt(nonce), tip(BigInt(wei)))
          const before = known.filter(({ hash }) => waiting.get(hash) !== undefined)
          try {
            if (isRemoval) waiting.remove(before[nonce]?.hash ?? transaction.hash)
            else waiting.add(transaction, address)
          } catch (error) {
            assert.ok(error instanceof PoolError)
          }
          known.push(transaction)
          assert.ok(waiting.status().pending + waiting.status().queued <= 4)
          for (const evicted of before.filter(({ hash }) => waiting.dropped(hash) === 'evicted')) {
            assertWasCheapestTail(evicted, before, transaction)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  /** Among all that were there, less those of the newcomer's sender. */
  function assertWasCheapestTail(
    evicted: Transaction,
    before: readonly Transaction[],
    newcomer: Transaction,
  ): void {
    const others = before.filter((one) => recoverSender(one) !== recoverSender(newcomer))
    const lasts = others.filter((one) =>
      others.every(
        (two) => recoverSender(one) !== recoverSender(two) || one.fields.nonce >= two.fields.nonce,
      ),
    )
    const tips = lasts.map((one) =>
      'maxPriorityFeePerGas' in one.fields ? one.fields.maxPriorityFeePerGas : 0n,
    )
    const least = tips.reduce((a, b) => (a < b ? a : b))
    assert.ok(
      lasts.some(({ hash }) => hash === evicted.hash),
      'the last of its sender',
    )
    assert.equal('maxPriorityFeePerGas' in evicted.fields && evicted.fields.maxPriorityFeePerGas, least)
  }
})

describe('a block takes', () => {
  test('the best tip first, each sender by nonce, the earlier of equals', () => {
    const waiting = pool()
    const tip = (gwei: bigint) => ({ maxPriorityFeePerGas: gwei * GWEI })
    waiting.add(transfer(ALICE, 0n, tip(1n)), ALICE.address)
    waiting.add(transfer(ALICE, 1n, tip(9n)), ALICE.address)
    waiting.add(transfer(BOB, 0n, tip(3n)), BOB.address)
    waiting.add(transfer(CAROL, 0n, tip(1n)), CAROL.address)
    assert.deepEqual(order(waiting), ['B0', 'A0', 'A1', 'C0'])
  })

  test('nothing behind a gap and nothing below the base fee', () => {
    const waiting = pool()
    waiting.add(transfer(ALICE, 1n), ALICE.address)
    waiting.add(transfer(BOB, 0n, { maxFeePerGas: 2n * GWEI, maxPriorityFeePerGas: 0n }), BOB.address)
    assert.deepEqual(order(waiting), ['B0'])
    const expensive = { ...head(), environment: smallEnvironment('osaka', { baseFeePerGas: 3n * GWEI }) }
    waiting.setHead(expensive, [])
    assert.deepEqual(order(waiting), [])
    assert.equal(waiting.source().hasNext(), false)
  })

  test('what fits into the gas that is left', () => {
    const waiting = pool()
    waiting.add(transfer(ALICE, 0n, { gasLimit: 100_000n, maxPriorityFeePerGas: 5n * GWEI }), ALICE.address)
    waiting.add(transfer(BOB, 0n), BOB.address)
    const offer = waiting.source().next({ gas: 50_000n, blobGas: 0n })
    assert.equal(offer?.sender, BOB.address)
  })

  test('what fits into the bytes that are left', () => {
    const waiting = pool({ perSenderMax: 4 })
    const data = new Uint8Array(1000)
    for (const nonce of [0n, 1n]) {
      waiting.add(
        transfer(ALICE, nonce, { data, gasLimit: 100_000n, maxPriorityFeePerGas: 9n }),
        ALICE.address,
      )
    }
    waiting.add(transfer(BOB, 0n, { maxPriorityFeePerGas: 3n }), BOB.address)
    const frame = 2048
    const taken = (sizeMax: number): string[] => {
      const source = waiting.source(undefined, frame + sizeMax)
      const senders: string[] = []
      for (
        let offer = source.next(AMPLE_ALLOWANCE);
        offer !== undefined;
        offer = source.next(AMPLE_ALLOWANCE)
      )
        senders.push(offer.sender)
      return senders
    }
    assert.deepEqual(taken(100), [])
    assert.deepEqual(taken(1000), [BOB.address])
    assert.deepEqual(taken(1300), [ALICE.address, BOB.address])
    assert.deepEqual(taken(3000), [ALICE.address, ALICE.address, BOB.address])
  })

  test('no successor of one that was refused for good, which then leaves the pool', () => {
    const waiting = pool()
    const bad = transfer(ALICE, 0n)
    waiting.add(bad, ALICE.address)
    waiting.add(transfer(ALICE, 1n), ALICE.address)
    const source = waiting.source()
    const offer = source.next(AMPLE_ALLOWANCE)
    assert.ok(offer !== undefined)
    source.refused(offer, new InvalidTransactionError('insufficientFunds', 'no coins'))
    assert.equal(source.next(AMPLE_ALLOWANCE), undefined)
    assert.equal(waiting.dropped(bad.hash), 'invalid')
  })
})

describe('a new head', () => {
  test('takes out what is in its block and what cannot be any more', () => {
    const waiting = pool()
    const included = transfer(ALICE, 0n)
    const stale = transfer(BOB, 0n)
    for (const [transaction, sender] of [
      [included, ALICE],
      [stale, BOB],
      [transfer(ALICE, 1n), ALICE],
    ] as const) {
      waiting.add(transaction, sender.address)
    }
    waiting.setHead(
      head([
        [ALICE, 1n],
        [BOB, 1n],
      ]),
      [included],
    )
    assert.equal(waiting.dropped(included.hash), undefined, 'it is in a block, not dropped')
    assert.equal(waiting.dropped(stale.hash), 'nonceUsed')
    assert.deepEqual(order(waiting), ['A1'])
  })

  test('drops what its sender cannot pay any more', () => {
    const waiting = pool()
    const dear = transfer(ALICE, 0n, { value: COIN / 2n })
    waiting.add(dear, ALICE.address)
    waiting.setHead(head([], COIN / 4n), [])
    assert.equal(waiting.dropped(dear.hash), 'insufficientFunds')
  })
})

test('whatever happens, counts are those of the transactions that are there, and within the limits', () => {
  const limits = { transactionsMax: 6, bytesMax: 900, perSenderMax: 3, droppedMax: 4 }
  const people = [ALICE, BOB, CAROL]
  const action = fc.record({
    who: fc.nat(2),
    nonce: fc.bigInt(0n, 4n),
    tip: fc.bigInt(0n, 5n),
    isRemoval: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
      const waiting = pool(limits)
      for (const { who, nonce, tip, isRemoval } of actions) {
        const person = people[who] as Person
        const transaction = transfer(person, nonce, { maxPriorityFeePerGas: tip * GWEI })
        try {
          if (isRemoval) waiting.remove(transaction.hash)
          else waiting.add(transaction, person.address)
        } catch (error) {
          assert.ok(error instanceof PoolError)
        }
        const all = [...waiting.pending().values(), ...waiting.queued().values()].flat()
        const { pending, queued, bytes } = waiting.status()
        assert.equal(pending + queued, all.length)
        assert.equal(
          bytes,
          all.reduce((sum, each) => sum + each.transaction.bytes.length, 0),
        )
        assert.ok(all.length <= limits.transactionsMax && bytes <= limits.bytesMax)
        for (const each of all) assert.equal(waiting.get(each.transaction.hash), each)
      }
    }),
    { numRuns: 60 },
  )
})
