/**
 * The constant-product market: its formula, its limits, and what must hold whatever anybody does: the product of
 * reserves never falls by a trade, nobody takes out more than they put in, and locked shares stay locked.
 */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { toFunctionSelector } from 'viem'
import { toAddress, wordToAddress, ZERO_ADDRESS, type Address } from '../../src/primitives/bytes.ts'
import { assemble } from '../support/assembler.ts'
import {
  ALICE,
  BOB,
  ContractFailure,
  ContractWorld,
  fails,
  type Contract,
} from '../support/contract-world.ts'

const UNIT = 10n ** 18n
const LOCKED_SHARES = 1_000n
const LOCK = wordToAddress(0xdeadn)

let world: ContractWorld
let factory: Contract
let router: Contract
/** Two tokens in the order of their addresses, and a third. */
let token0: Contract
let token1: Contract
let third: Contract
let deadline: bigint

beforeEach(async () => {
  world = await ContractWorld.create()
  deadline = world.timestamp + 60n
  factory = world.deploy('AmmFactory')
  router = world.deploy('AmmRouter', [factory.address])
  const tokens = ['ZERO', 'ONE', 'TWO'].map((name) =>
    world.deploy('ERC20Token', [name, name, 1_000_000n * UNIT]),
  )
  tokens.sort((a, b) => (a.address < b.address ? -1 : 1))
  ;[token0, token1, third] = tokens as [Contract, Contract, Contract]
  for (const token of tokens) {
    for (const person of [ALICE, BOB])
      world.send(token, 'approve', [router.address, 1_000_000n * UNIT], person)
    world.send(token, 'transfer', [BOB, 1_000n * UNIT])
  }
})

function addLiquidity(
  a: Contract,
  b: Contract,
  amountA: bigint,
  amountB: bigint,
  from: Address = ALICE,
): bigint {
  const args = [a.address, b.address, amountA, amountB, 0n, 0n, from, deadline]
  const [, , shares] = world.send(router, 'addLiquidity', args, from) as [bigint, bigint, bigint]
  return shares
}

function pairOf(a: Contract, b: Contract): Contract {
  const address = world.send(factory, 'pairOf', [a.address, b.address])
  return { name: 'AmmPair', address: toAddress(String(address)) }
}

const reservesOf = (pair: Contract): [bigint, bigint] => world.send(pair, 'reserves') as [bigint, bigint]
const balanceOf = (token: Contract, account: Address): bigint =>
  world.send(token, 'balanceOf', [account]) as bigint

describe('AmmFactory', () => {
  test('makes one pair for two tokens in either order', () => {
    world.send(factory, 'createPair', [token1.address, token0.address])
    assert.equal(world.events[0]?.eventName, 'PairCreated')
    const pair = pairOf(token0, token1)
    assert.equal(pair.address, pairOf(token1, token0).address)
    assert.equal(String(world.send(pair, 'token0')).toLowerCase(), token0.address)
    assert.equal(String(world.send(factory, 'pairAt', [0n])).toLowerCase(), pair.address)
    assert.equal(world.send(factory, 'pairCount'), 1n)
    const again = (): unknown => world.send(factory, 'createPair', [token0.address, token1.address])
    assert.throws(again, fails('PairExists', token0.address, token1.address, pair.address))
  })

  test('refuses what cannot be traded', () => {
    const create = (a: Address, b: Address): unknown => world.send(factory, 'createPair', [a, b])
    assert.throws(() => create(token0.address, token0.address), fails('IdenticalTokens', token0.address))
    assert.throws(() => create(token0.address, ZERO_ADDRESS), fails('NotAToken', ZERO_ADDRESS))
    assert.throws(() => create(BOB, token0.address), fails('NotAToken', BOB))
    assert.throws(() => world.send(factory, 'pairAt', [0n]), fails('PairIndexOutOfBounds', 0n, 0n))
  })
})

describe('liquidity', () => {
  test('the first deposit makes the geometric mean, of which a little is locked', () => {
    assert.equal(addLiquidity(token0, token1, 4n * UNIT, 9n * UNIT), 6n * UNIT - LOCKED_SHARES)
    const pair = pairOf(token0, token1)
    assert.deepEqual(reservesOf(pair), [4n * UNIT, 9n * UNIT])
    assert.equal(balanceOf(pair, LOCK), LOCKED_SHARES)
    assert.equal(world.send(pair, 'totalSupply'), 6n * UNIT)
  })

  test('a first deposit below the lock is refused', () => {
    assert.throws(
      () => addLiquidity(token0, token1, 1_000n, 1_000n),
      fails('InsufficientLiquidityAdded', 1_000n),
    )
  })

  test('later deposits keep the price and take no more than that needs', () => {
    addLiquidity(token0, token1, 100n * UNIT, 400n * UNIT)
    const before = balanceOf(token1, BOB)
    assert.equal(addLiquidity(token0, token1, 10n * UNIT, 1_000n * UNIT, BOB), 20n * UNIT)
    assert.equal(before - balanceOf(token1, BOB), 40n * UNIT)
    assert.equal(addLiquidity(token1, token0, 40n * UNIT, 1_000n * UNIT, BOB), 20n * UNIT)
    assert.deepEqual(reservesOf(pairOf(token0, token1)), [120n * UNIT, 480n * UNIT])
  })

  test('a deposit at another price than expected is refused', () => {
    addLiquidity(token0, token1, 100n * UNIT, 400n * UNIT)
    const args = [token0.address, token1.address, 10n * UNIT, 40n * UNIT, 0n, 41n * UNIT, ALICE, deadline]
    assert.throws(
      () => world.send(router, 'addLiquidity', args),
      fails('AmountBelowMinimum', token1.address, 40n * UNIT, 41n * UNIT),
    )
  })

  test('shares are paid out in both tokens; the locked ones stay', () => {
    const shares = addLiquidity(token0, token1, 4n * UNIT, 9n * UNIT)
    const pair = pairOf(token0, token1)
    world.send(pair, 'approve', [router.address, shares])
    const args = [token1.address, token0.address, shares, 0n, 0n, BOB, deadline]
    const before = balanceOf(token0, BOB)
    const [amount1, amount0] = world.send(router, 'removeLiquidity', args) as [bigint, bigint]
    assert.equal(balanceOf(token0, BOB) - before, amount0)
    assert.ok(amount0 < 4n * UNIT && amount1 < 9n * UNIT)
    const [reserve0, reserve1] = reservesOf(pair)
    assert.equal(reserve0 + amount0, 4n * UNIT)
    assert.equal(reserve1 + amount1, 9n * UNIT)
    assert.equal(world.send(pair, 'totalSupply'), LOCKED_SHARES)
    assert.throws(() => world.send(pair, 'burn', [BOB]), fails('InsufficientLiquidityRemoved', 0n))
  })
})

describe('trades', () => {
  const swap = (
    amountIn: bigint,
    minimum: bigint,
    path: readonly Contract[],
    from: Address = BOB,
  ): bigint[] =>
    world.send(
      router,
      'swapExactTokensForTokens',
      [amountIn, minimum, path.map(({ address }) => address), from, deadline],
      from,
    ) as bigint[]

  test('what comes out follows the formula with a fee of 0.3 %', () => {
    addLiquidity(token0, token1, 100n * UNIT, 400n * UNIT)
    const expected = (10n * UNIT * 997n * 400n * UNIT) / (100n * UNIT * 1_000n + 10n * UNIT * 997n)
    const before = balanceOf(token1, BOB)
    assert.deepEqual(swap(10n * UNIT, 0n, [token0, token1]), [10n * UNIT, expected])
    const event = world.events.find(({ eventName }) => eventName === 'Swap')
    assert.equal(balanceOf(token1, BOB) - before, expected)
    assert.equal(event?.args['amount0In'], 10n * UNIT)
    assert.equal(event?.args['amount1Out'], expected)
  })

  test('an exact amount out costs what would buy it, and not one unit less', () => {
    addLiquidity(token0, token1, 100n * UNIT, 400n * UNIT)
    const path = [token0.address, token1.address]
    const [cost] = world.send(router, 'amountsIn', [UNIT, path]) as [bigint]
    const [, enough] = world.send(router, 'amountsOut', [cost, path]) as [bigint, bigint]
    const [, tooLittle] = world.send(router, 'amountsOut', [cost - 2n, path]) as [bigint, bigint]
    assert.ok(enough >= UNIT && tooLittle < UNIT)
    const before = balanceOf(token1, BOB)
    world.send(router, 'swapTokensForExactTokens', [UNIT, cost, path, BOB, deadline], BOB)
    assert.equal(balanceOf(token1, BOB) - before, UNIT)
    assert.throws(
      () => world.send(router, 'swapTokensForExactTokens', [UNIT, cost, path, BOB, deadline], BOB),
      fails('AmountAboveMaximum', token0.address),
    )
  })

  test('a path leads over several pairs', () => {
    addLiquidity(token0, token1, 100n * UNIT, 400n * UNIT)
    addLiquidity(token1, third, 400n * UNIT, 100n * UNIT)
    const amounts = swap(UNIT, 0n, [token0, token1, third])
    assert.equal(amounts.length, 3)
    assert.equal(balanceOf(third, BOB), 1_000n * UNIT + (amounts[2] ?? 0n))
  })

  test('limits, deadlines and paths are kept', () => {
    addLiquidity(token0, token1, 100n * UNIT, 400n * UNIT)
    const [, out] = world.send(router, 'amountsOut', [UNIT, [token0.address, token1.address]]) as [
      bigint,
      bigint,
    ]
    assert.throws(
      () => swap(UNIT, out + 1n, [token0, token1]),
      fails('AmountBelowMinimum', token1.address, out, out + 1n),
    )
    assert.throws(() => swap(0n, 0n, [token0, token1]), fails('ZeroAmount'))
    assert.throws(() => swap(UNIT, 0n, [token0]), fails('InvalidPathLength', 1n, 8n))
    assert.throws(() => swap(UNIT, 0n, [token0, third]), fails('NoSuchPair', token0.address, third.address))
    world.timestamp = deadline + 1n
    assert.throws(() => swap(UNIT, 0n, [token0, token1]), fails('Expired', deadline, deadline + 1n))
  })

  test('a pair gives nothing for nothing, and not all it has', () => {
    addLiquidity(token0, token1, 100n * UNIT, 400n * UNIT)
    const pair = pairOf(token0, token1)
    const take = (amount0: bigint, amount1: bigint, to: Address = BOB): unknown =>
      world.send(pair, 'swap', [amount0, amount1, to], BOB)
    assert.throws(() => take(1n, 0n), fails('NothingPaid'))
    assert.throws(() => take(0n, 0n), fails('InsufficientReserves', 0n, 0n))
    assert.throws(() => take(100n * UNIT, 0n), fails('InsufficientReserves', 100n * UNIT))
    assert.throws(() => take(1n, 0n, token0.address), fails('InvalidRecipient', token0.address))
    world.send(token0, 'transfer', [pair.address, UNIT], BOB)
    assert.throws(() => take(0n, 4n * UNIT), fails('ProductDecreased'))
  })

  test('whatever is traded, the product of reserves does not fall and money does not appear', () => {
    addLiquidity(token0, token1, 100n * UNIT, 400n * UNIT)
    const pair = pairOf(token0, token1)
    const trade = fc.record({ forward: fc.boolean(), amount: fc.bigInt(1n, 50n * UNIT) })
    fc.assert(
      fc.property(fc.array(trade, { maxLength: 6 }), (trades) => {
        for (const { forward, amount } of trades) {
          const [before0, before1] = reservesOf(pair)
          try {
            swap(amount, 0n, forward ? [token0, token1] : [token1, token0])
          } catch (error) {
            // Too little to buy a unit, or more than Bob has left.
            if (!(error instanceof ContractFailure)) throw error
          }
          const [after0, after1] = reservesOf(pair)
          assert.ok(after0 * after1 >= before0 * before1)
          assert.equal(after0, balanceOf(token0, pair.address))
          assert.equal(after1, balanceOf(token1, pair.address))
        }
      }),
      { numRuns: 15 },
    )
  })
})

test('a token that calls back into its pair finds it locked', () => {
  // balanceOf → 10²¹; transfer → calls mint on the pair that is paying out, notes how that was refused, and succeeds.
  const hostile = assemble(
    'PUSH0 CALLDATALOAD PUSH1 0xe0 SHR DUP1 PUSH4 0x70a08231 EQ PUSH2 @balance JUMPI',
    'PUSH4 0xa9059cbb EQ PUSH2 @transfer JUMPI PUSH1 0x01 PUSH0 MSTORE PUSH1 0x20 PUSH0 RETURN',
    '@balance PUSH9 0x3635c9adc5dea00000 PUSH0 MSTORE PUSH1 0x20 PUSH0 RETURN',
    '@transfer PUSH4 0x6a627842 PUSH1 0xe0 SHL PUSH0 MSTORE CALLER PUSH1 0x04 MSTORE',
    'PUSH0 PUSH0 PUSH1 0x24 PUSH0 PUSH0 CALLER GAS CALL',
    'PUSH1 0x04 PUSH0 PUSH1 0x1c RETURNDATACOPY PUSH0 MLOAD PUSH4 0xffffffff AND PUSH0 SSTORE',
    'PUSH1 0x01 PUSH0 MSTORE PUSH1 0x20 PUSH0 RETURN',
  )
  const address = toAddress(`0x${'01'.repeat(20)}`)
  world.setCode(address, hostile)
  world.send(factory, 'createPair', [address, token0.address])
  const pair = pairOf({ name: 'ERC20Token', address }, token0)
  world.send(token0, 'transfer', [pair.address, 100n * UNIT])
  world.send(pair, 'mint', [ALICE])
  world.send(token0, 'transfer', [pair.address, UNIT])
  world.send(pair, 'swap', [1n, 0n, BOB])
  assert.equal(world.storage(address, 0n), BigInt(toFunctionSelector('Reentered()')))
})
