/**
 * An estimate is the least gas limit that works: the call succeeds with it and fails with one less. Both are checked by
 * running the call, for contracts whose peak and end differ: nested calls, refunds, floors of call data.
 */
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { bytesToHex, type Address } from '../../src/primitives/bytes.ts'
import type { CallMessage } from '../../src/execution/message.ts'
import { CALL_GAS_MAX, runCall, type CallContext } from '../../src/rpc/call.ts'
import { estimateGas } from '../../src/rpc/estimate-gas.ts'
import { RpcError } from '../../src/rpc/errors.ts'
import { InvalidTransactionError } from '../../src/execution/errors.ts'
import { assemble, pushOf } from '../support/assembler.ts'
import {
  addressOf,
  smallEnvironment,
  smallMessage,
  smallWorld,
  type SmallAccount,
} from '../support/small-world.ts'

const MAIN = addressOf(0xc0de)
const SENDER = addressOf(0xaa)
const RICH = { balance: 10n ** 18n }

function contextOf(
  code: Uint8Array,
  main: SmallAccount = {},
  others: readonly (readonly [Address, SmallAccount])[] = [],
): CallContext {
  const state = smallWorld(new Map([[MAIN, { code, ...main }], [SENDER, RICH], ...others]))
  return { state, environment: smallEnvironment('osaka', { baseFeePerGas: 7n }), precompiles: undefined }
}

function estimate(context: CallContext, message: Partial<CallMessage> = {}): Promise<bigint> {
  return estimateGas(context, smallMessage({ gasLimit: 0n, ...message }), CALL_GAS_MAX, () =>
    Promise.resolve(),
  )
}

function succeeds(context: CallContext, message: Partial<CallMessage>, gasLimit: bigint): boolean {
  try {
    return runCall(context, smallMessage({ ...message, gasLimit })).result.status === 'succeeded'
  } catch (error) {
    assert.ok(error instanceof InvalidTransactionError)
    return false
  }
}

/** Calls `to` with all the gas it can and fails when that fails. */
const insisting = (to: Address): string =>
  `PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ${pushOf(BigInt(to))} GAS CALL PUSH2 @ok JUMPI PUSH0 PUSH0 REVERT @ok`

describe('the estimate works and one less does not', () => {
  const burn = assemble('PUSH2 500 @again PUSH1 1 SWAP1 SUB DUP1 PUSH2 @again JUMPI STOP')
  const tower = Array.from({ length: 10 }, (_, level): [Address, SmallAccount] => [
    addressOf(0x1000 + level),
    { code: level === 9 ? burn : assemble(insisting(addressOf(0x1001 + level)), 'STOP') },
  ])
  const cases: readonly (readonly [string, CallContext, Partial<CallMessage>?])[] = [
    ['a transfer', contextOf(new Uint8Array(0)), { value: 1n }],
    ['a transfer with data', contextOf(new Uint8Array(0)), { data: new Uint8Array(100).fill(1) }],
    [
      'a transfer with an access list',
      contextOf(new Uint8Array(0)),
      { accessList: [{ address: MAIN, storageKeys: [] }] },
    ],
    ['a loop', contextOf(burn)],
    ['a new slot', contextOf(assemble('PUSH1 1 PUSH0 SSTORE STOP'))],
    [
      'cleared slots, whose refund comes after the peak',
      contextOf(assemble(...Array.from({ length: 8 }, (_, slot) => `PUSH0 PUSH1 ${slot} SSTORE`), 'STOP'), {
        storage: Object.fromEntries(Array.from({ length: 8 }, (_, slot) => [String(slot), 1n])),
      }),
    ],
    [
      'ten calls deep, each keeping a 64th',
      contextOf(assemble(insisting(addressOf(0x1000)), 'STOP'), {}, tower),
    ],
    [
      'a call that must have 100,000 gas',
      contextOf(assemble('PUSH3 100000 GAS GT PUSH2 @ok JUMPI PUSH0 PUSH0 REVERT @ok STOP')),
    ],
    [
      'a store behind the stipend rule',
      contextOf(assemble('PUSH1 5 PUSH0 SSTORE STOP'), { storage: { '0': 5n } }),
    ],
    ['a creation', contextOf(new Uint8Array(0)), { to: null, data: assemble('PUSH2 1000 PUSH0 RETURN') }],
    [
      'call data whose floor is above what it uses',
      contextOf(assemble('STOP')),
      { data: new Uint8Array(5000).fill(1) },
    ],
    [
      'value to a contract that passes it on',
      contextOf(
        assemble(
          'PUSH0 PUSH0 PUSH0 PUSH0 CALLVALUE PUSH2 0xdead PUSH0 CALL PUSH2 @ok JUMPI PUSH0 PUSH0 REVERT @ok STOP',
        ),
      ),
      { value: 5n },
    ],
  ]
  for (const [name, context, message = {}] of cases) {
    test(name, async () => {
      const gas = await estimate(context, message)
      assert.ok(succeeds(context, message, gas), `${gas} succeeds`)
      assert.ok(!succeeds(context, message, gas - 1n), `${gas - 1n} fails`)
    })
  }
})

describe('how far it searches', () => {
  const endless = contextOf(assemble('@again PUSH2 @again JUMP'))
  const refusal = async (context: CallContext, message: Partial<CallMessage> = {}): Promise<string> => {
    try {
      return String(await estimate(context, message))
    } catch (error) {
      assert.ok(error instanceof RpcError || error instanceof InvalidTransactionError)
      return error.message
    }
  }

  test('to the limit of a transaction (EIP-7825) before that of the block', async () => {
    assert.equal(await refusal(endless), 'gas required exceeds allowance (16777216)')
  })

  test('to the limit that the call names, when it is enough for any transaction', async () => {
    assert.equal(await refusal(endless, { gasLimit: 100_000n }), 'gas required exceeds allowance (100000)')
    assert.equal(await refusal(endless, { gasLimit: 5n }), 'gas required exceeds allowance (16777216)')
  })

  test('to what the sender can pay for at the price that the call names', async () => {
    const fees = { maxFeePerGas: 10n ** 13n, maxPriorityFeePerGas: 0n }
    assert.equal(await refusal(endless, fees), 'gas required exceeds allowance (100000)')
    assert.equal(
      await refusal(endless, { ...fees, value: 5n * 10n ** 17n }),
      'gas required exceeds allowance (50000)',
    )
    assert.match(await refusal(endless, { ...fees, value: 10n ** 18n }), /insufficient funds for transfer/)
  })

  test('to the limit of the node', async () => {
    const roomy = { ...endless, environment: smallEnvironment('prague', { gasLimit: 1n << 40n }) }
    assert.equal(await refusal(roomy), 'gas required exceeds allowance (50000000)')
  })

  test('not at all for a transfer to an account without code', async () => {
    let runs = 0
    const message = smallMessage({ gasLimit: 0n, to: addressOf(0xdead), value: 1n })
    assert.equal(
      await estimateGas(contextOf(new Uint8Array(0)), message, CALL_GAS_MAX, async () => {
        runs++
      }),
      21_000n,
    )
    assert.equal(runs, 0)
  })
})

test('a call that fails for another reason than gas has its own error', async () => {
  const thrown = async (code: Uint8Array): Promise<RpcError> => {
    try {
      await estimate(contextOf(code))
    } catch (error) {
      if (error instanceof RpcError) return error
    }
    return assert.fail('an estimate')
  }
  const reverted = await thrown(assemble('PUSH1 1 PUSH1 31 REVERT'))
  assert.deepEqual(
    [reverted.rpcCode, reverted.message, reverted.data],
    [3, 'execution reverted', bytesToHex(new Uint8Array(1))],
  )
  assert.equal((await thrown(assemble('INVALID'))).message, 'invalid opcode: INVALID')
})

test('the search ends when nobody waits any more', async () => {
  const context = contextOf(assemble('PUSH3 100000 GAS GT PUSH2 @ok JUMPI PUSH0 PUSH0 REVERT @ok STOP'))
  let checks = 0
  const giveUp = async (): Promise<void> => {
    checks += 1
    if (checks === 3) throw new RangeError('late')
  }
  await assert.rejects(
    () => estimateGas(context, smallMessage({ gasLimit: 0n }), CALL_GAS_MAX, giveUp),
    RangeError,
  )
})

test('bisection takes few runs', async () => {
  let runs = 0
  const context = contextOf(assemble('PUSH3 100000 GAS GT PUSH2 @ok JUMPI PUSH0 PUSH0 REVERT @ok STOP'))
  await estimateGas(context, smallMessage({ gasLimit: 0n }), CALL_GAS_MAX, async () => {
    runs++
  })
  assert.ok(runs < 25, `${runs} runs`)
})
