/** Which blocks have the witnesses drawn anew. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ResetTriggers, type Ancestor } from '../../../src/consensus/execution-layer/reset-triggers.ts'
import { present } from '../../../src/primitives/assert.ts'
import { ZERO_HASH, type Hash } from '../../../src/primitives/bytes.ts'

const RESET_SECONDS = 10

/** A block by its time in seconds, and the number of the block that it refers to. */
type Plan = readonly (readonly [seconds: number, reference: number])[]

class Chain {
  readonly headers: readonly Ancestor[]

  /** Genesis, at time 0, and blocks from number 1 on. */
  constructor(plan: Plan) {
    this.headers = [[0, 0] as const, ...plan].map(([seconds, reference], number) => ({
      number: BigInt(number),
      timestamp: BigInt(seconds),
      parentHash: number === 0 ? ZERO_HASH : hashOf(number - 1),
      parentBeaconBlockRoot: hashOf(reference),
    }))
  }

  readonly at = (hash: Hash): Ancestor => present(this.headers[Number(BigInt(hash)) - 1], 'a header')

  triggers(unknown?: number): ResetTriggers {
    const numberOf = (hash: Hash): bigint | undefined =>
      unknown !== undefined && hash === hashOf(unknown) ? undefined : BigInt(hash) - 1n
    return new ResetTriggers({ numberOf }, { resetSeconds: RESET_SECONDS, windowBlocks: 1 })
  }

  /** Numbers of all triggers. */
  found(triggers = this.triggers()): readonly number[] {
    return this.headers.flatMap((header, number) =>
      number > 0 && triggers.isTrigger(header, this.at) === true ? [number] : [],
    )
  }
}

/** A name of a block, no more. */
function hashOf(number: number): Hash {
  return `0x${(number + 1).toString(16).padStart(64, '0')}` as Hash
}

describe('a trigger', () => {
  test('comes so long after the first block that is not sealed, and once', () => {
    const chain = new Chain([
      [100, 0],
      [105, 0],
      [109, 0],
      [110, 0],
      [112, 0],
    ])
    assert.deepEqual(chain.found(), [4])
  })

  test('comes again after as long without a seal', () => {
    const times = [0, 10, 15, 19, 20, 29, 30, 31]
    assert.deepEqual(new Chain(times.map((seconds) => [seconds, 0])).found(), [2, 5, 7])
  })

  test('is never the first block that is not sealed, however late it is', () => {
    assert.deepEqual(new Chain([[1000, 0]]).found(), [])
    assert.deepEqual(
      new Chain([
        [5, 0],
        [1000, 1],
      ]).found(),
      [],
    )
  })

  test('does not come while seals do', () => {
    const plan = Array.from({ length: 100 }, (_, index) => [index, Math.max(index - 5, 0)] as const)
    assert.deepEqual(new Chain(plan).found(), [])
  })

  test('counts from one before it that refers to less', () => {
    const chain = new Chain([
      [0, 0],
      [1, 0],
      [11, 0],
      [12, 1],
      [20, 1],
      [21, 1],
    ])
    // Block 2 is the first that is not sealed for the later ones, 10 seconds old at block 3.
    assert.deepEqual(chain.found(), [3, 6])
  })

  test('is unknown without the seal that it refers to, or that one before it does', () => {
    const chain = new Chain([
      [0, 0],
      [10, 0],
      [15, 1],
      [25, 1],
    ])
    const last = present(chain.headers.at(-1), 'a header')
    assert.equal(chain.triggers(1).isTrigger(last, chain.at), undefined)
    assert.equal(chain.triggers(0).isTrigger(last, chain.at), undefined)
    assert.equal(chain.triggers().isTrigger(last, chain.at), true)
  })

  test('is the block for which the window opens', () => {
    const chain = new Chain([
      [3, 0],
      [7, 0],
    ])
    const head = present(chain.headers.at(-1), 'a header')
    assert.equal(chain.triggers().dueOn(head, 0n, undefined, chain.at), 13n)
    assert.equal(chain.triggers().countAbove(0n, head, chain.at), 0)
  })
})

/** Times and references that never go back. */
const plans = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 12 }), fc.nat({ max: 3 })), { minLength: 1, maxLength: 60 })
  .map((steps): Plan => {
    let [seconds, reference] = [0, 0]
    return steps.map(([passed, sealed], index) => {
      seconds += passed
      reference = Math.min(reference + (sealed === 3 ? 3 : 0), index)
      return [seconds, reference] as const
    })
  })

describe('triggers of any chain', () => {
  test('are those of the definition, whatever was asked before', () => {
    fc.assert(
      fc.property(plans, fc.boolean(), (plan, isBackwards) => {
        const chain = new Chain(plan)
        const triggers = chain.triggers()
        if (isBackwards) {
          for (const header of chain.headers.slice(1).toReversed()) triggers.isTrigger(header, chain.at)
        }
        const defined: number[] = []
        for (const [index, [seconds, reference]] of plan.entries()) {
          const number = index + 1
          const first = plan[reference]?.[0] ?? 0
          const since = defined
            .filter((trigger) => trigger > reference)
            .map((trigger) => plan[trigger - 1]?.[0] ?? 0)
          const start = Math.max(first, ...since)
          if (number > reference + 1 && seconds - start >= RESET_SECONDS) defined.push(number)
        }
        assert.deepEqual(chain.found(triggers), defined)
        const head = present(chain.headers.at(-1), 'a header')
        assert.equal(triggers.countAbove(0n, head, chain.at), defined.length)
      }),
    )
  })
})
