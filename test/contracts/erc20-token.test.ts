/** The token: what ERC-20 asks for, what is refused and with which numbers, and that no token appears or vanishes. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { WORD_MAX, ZERO_ADDRESS, type Address } from '../../src/primitives/bytes.ts'
import {
  ALICE,
  BOB,
  ContractFailure,
  ContractWorld,
  fails,
  type Contract,
} from '../support/contract-world.ts'

const SUPPLY = 1_000n

describe('ERC20Token', () => {
  let world: ContractWorld
  let token: Contract
  const balanceOf = (account: Address): unknown => world.send(token, 'balanceOf', [account])

  beforeEach(async () => {
    world = await ContractWorld.create()
    token = world.deploy('ERC20Token', ['Demo token', 'DEMO', SUPPLY])
  })

  test('introduces itself', () => {
    assert.equal(world.send(token, 'name'), 'Demo token')
    assert.equal(world.send(token, 'symbol'), 'DEMO')
    assert.equal(world.send(token, 'decimals'), 18)
    assert.equal(world.send(token, 'totalSupply'), SUPPLY)
    assert.equal(String(world.send(token, 'owner')).toLowerCase(), ALICE)
    assert.equal(balanceOf(ALICE), SUPPLY)
  })

  test('moves tokens and says so', () => {
    assert.equal(world.send(token, 'transfer', [BOB, 300n]), true)
    assert.deepEqual(
      world.events.map(({ eventName }) => eventName),
      ['Transfer'],
    )
    assert.equal(world.events[0]?.args['value'], 300n)
    assert.equal(balanceOf(ALICE), 700n)
    assert.equal(balanceOf(BOB), 300n)
    world.send(token, 'transfer', [ALICE, 700n])
    assert.equal(balanceOf(ALICE), 700n, 'a transfer to oneself changes nothing')
  })

  test('refuses what is not there, with the numbers', () => {
    assert.throws(
      () => world.send(token, 'transfer', [BOB, 1_001n]),
      fails('InsufficientBalance', ALICE, SUPPLY, 1_001n),
    )
    assert.throws(() => world.send(token, 'transfer', [ZERO_ADDRESS, 1n]), fails('ZeroAddress'))
    assert.throws(() => world.send(token, 'approve', [ZERO_ADDRESS, 1n]), fails('ZeroAddress'))
    assert.throws(() => world.send(token, 'burn', [1n], BOB), fails('InsufficientBalance', BOB, 0n, 1n))
  })

  test('spends allowances, all but the endless one', () => {
    world.send(token, 'approve', [BOB, 100n])
    world.send(token, 'transferFrom', [ALICE, BOB, 40n], BOB)
    assert.equal(world.send(token, 'allowance', [ALICE, BOB]), 60n)
    assert.throws(
      () => world.send(token, 'transferFrom', [ALICE, BOB, 61n], BOB),
      fails('InsufficientAllowance', ALICE, BOB, 60n, 61n),
    )
    world.send(token, 'approve', [BOB, WORD_MAX])
    world.send(token, 'transferFrom', [ALICE, BOB, 500n], BOB)
    assert.equal(world.send(token, 'allowance', [ALICE, BOB]), WORD_MAX)
  })

  test('lets its owner alone create tokens, and not beyond the word', () => {
    world.send(token, 'mint', [BOB, 5n])
    assert.equal(balanceOf(BOB), 5n)
    assert.throws(() => world.send(token, 'mint', [BOB, 5n], BOB), fails('NotOwner', BOB, ALICE))
    assert.throws(() => world.send(token, 'mint', [BOB, WORD_MAX]), fails('Panic', 0x11n))
  })

  test('keeps the sum of balances at the supply, whatever is tried', () => {
    const people = [ALICE, BOB, token.address]
    const person = fc.constantFrom(...people)
    const action = fc.record({
      name: fc.constantFrom('transfer', 'approve', 'transferFrom', 'mint', 'burn'),
      from: person,
      to: person,
      value: fc.bigInt(0n, 700n),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 20 }), (actions) => {
        for (const { name, from, to, value } of actions) {
          const args = name === 'burn' ? [value] : name === 'transferFrom' ? [from, to, value] : [to, value]
          try {
            world.send(token, name, args, name === 'transferFrom' ? to : from)
          } catch (error) {
            if (!(error instanceof ContractFailure)) throw error
          }
        }
        const sum = people.reduce((total, account) => total + (balanceOf(account) as bigint), 0n)
        assert.equal(sum, world.send(token, 'totalSupply'))
      }),
      { numRuns: 20 },
    )
  })
})

describe('examples', () => {
  test('Counter counts', async () => {
    const world = await ContractWorld.create()
    const counter = world.deploy('Counter')
    world.send(counter, 'increment')
    world.send(counter, 'increment', [], BOB)
    assert.equal(world.events[0]?.args['value'], 2n)
    assert.equal(world.send(counter, 'value'), 2n)
  })

  test('Greeter greets, and listens to its owner only', async () => {
    const world = await ContractWorld.create()
    const greeter = world.deploy('Greeter', ['hello'])
    assert.equal(world.send(greeter, 'greet'), 'hello')
    world.send(greeter, 'setGreeting', ['good evening'])
    assert.equal(world.send(greeter, 'greet'), 'good evening')
    assert.throws(() => world.send(greeter, 'setGreeting', ['x'], BOB), fails('NotOwner', BOB, ALICE))
    assert.throws(
      () => world.send(greeter, 'setGreeting', ['x'.repeat(281)]),
      fails('GreetingTooLong', 281n, 280n),
    )
  })
})
