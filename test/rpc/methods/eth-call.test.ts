/** eth_call and eth_createAccessList as clients see them: what a call may leave out, what it gets, how it fails. */
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import {
  bytesToHex,
  concatBytes,
  toAddress,
  wordToHash,
  type Address,
} from '../../../src/primitives/bytes.ts'
import { delegationTo } from '../../../src/chain/delegation.ts'
import { assemble } from '../../support/assembler.ts'
import { addressOf, type SmallAccount } from '../../support/small-world.ts'
import { openSmallNode, RICH, type SmallNode } from '../../support/small-node.ts'

const RETURN_WORD = 'PUSH0 MSTORE PUSH1 32 PUSH0 RETURN'
const returning = (instruction: string): SmallAccount => ({ code: assemble(instruction, RETURN_WORD) })

const CONTRACTS = {
  caller: [0xc1, returning('CALLER')],
  origin: [0xc2, returning('ORIGIN')],
  gasPrice: [0xc3, returning('GASPRICE')],
  baseFee: [0xc4, returning('BASEFEE')],
  gas: [0xc5, returning('GAS')],
  number: [0xc6, returning('NUMBER')],
  slot0: [0xc7, { ...returning('PUSH0 SLOAD'), storage: { '0': 5n } }],
  selfBalance: [0xc8, returning('SELFBALANCE')],
  value: [0xc9, returning('CALLVALUE')],
  blobHash: [0xca, returning('PUSH0 BLOBHASH')],
  slot0And1: [0xcb, { ...returning('PUSH1 1 SLOAD PUSH0 SLOAD ADD'), storage: { '0': 5n, '1': 6n } }],
  empty: [0xcc, { code: assemble('PUSH0 PUSH0 REVERT') }],
  invalid: [0xcd, { code: assemble('INVALID') }],
  underflow: [0xce, { code: assemble('POP') }],
  endless: [0xcf, { code: assemble('@again PUSH2 @again JUMP') }],
  badJump: [0xd0, { code: assemble('PUSH0 JUMP') }],
  delegated: [0xd1, { code: delegationTo(addressOf(0xc1)) }],
  time: [0xd2, returning('TIMESTAMP')],
  coinbase: [0xd3, returning('COINBASE')],
  randao: [0xd4, returning('PREVRANDAO')],
  gasLimit: [0xd5, returning('GASLIMIT')],
  blobFee: [0xd6, returning('BLOBBASEFEE')],
  parentHash: [0xd7, returning('PUSH1 1 NUMBER SUB BLOCKHASH')],
  // Hashes 'abc' by the SHA-256 precompile.
  sha256: [
    0xd8,
    {
      code: assemble(
        'PUSH3 0x616263 PUSH1 232 SHL PUSH0 MSTORE',
        'PUSH1 32 PUSH0 PUSH1 3 PUSH0 PUSH1 2 GAS STATICCALL POP PUSH1 32 PUSH0 RETURN',
      ),
    },
  ],
  reads: [
    0xd9,
    {
      code: assemble(
        'PUSH2 0xbeef BALANCE POP PUSH1 7 SLOAD POP PUSH1 3 SLOAD POP PUSH2 0xabcd EXTCODESIZE POP PUSH1 2 BALANCE STOP',
      ),
    },
  ],
} as const

const at = (name: keyof typeof CONTRACTS): Address => addressOf(CONTRACTS[name][0])

let node: SmallNode
before(async () => {
  node = await openSmallNode(
    new Map(Object.values(CONTRACTS).map(([number, account]) => [addressOf(number), account])),
  )
  await node.send({ to: addressOf(0xeeee), value: '0x1' })
})
after(() => node.close())

/** The word that a contract answers. */
async function word(
  name: keyof typeof CONTRACTS,
  fields: object = {},
  ...rest: readonly unknown[]
): Promise<bigint> {
  return BigInt(String(await node.call('eth_call', { to: at(name), ...fields }, ...rest)))
}

describe('what a call may leave out', () => {
  test('the sender is then the zero address', async () => {
    assert.equal(await word('caller'), 0n)
    assert.equal(await word('origin', { from: RICH }), BigInt(RICH))
  })

  test('gas is then all that a call may have, and never more', async () => {
    const spent = 50_000_000n - (await word('gas'))
    assert.equal(await word('gas', { gas: '0xffffffffffff' }), 50_000_000n - spent)
    assert.equal(await word('gas', { gas: '0xf4240' }), 1_000_000n - spent)
  })

  test('without a price both price and base fee are 0, with one both are real', async () => {
    assert.deepEqual([await word('gasPrice'), await word('baseFee')], [0n, 0n])
    const head = (await node.call('eth_getBlockByNumber', 'latest', false)) as { baseFeePerGas: string }
    const baseFee = BigInt(head.baseFeePerGas)
    const fees = { from: RICH, gas: '0xf4240', maxFeePerGas: '0x77359400', maxPriorityFeePerGas: '0x3' }
    assert.deepEqual([await word('gasPrice', fees), await word('baseFee', fees)], [baseFee + 3n, baseFee])
    assert.equal(
      await word('gasPrice', { from: RICH, gas: '0xf4240', gasPrice: '0x77359400' }),
      2_000_000_000n,
    )
  })

  test('a recipient: the data runs as initcode and its result is what it returns', async () => {
    const initcode = bytesToHex(assemble('PUSH1 42', RETURN_WORD))
    assert.equal(await node.call('eth_call', { data: initcode }), wordToHash(42n))
  })

  test('the nonce does not matter, nor that the sender has code', async () => {
    assert.equal(await word('caller', { from: at('slot0'), nonce: '0x63' }), BigInt(at('slot0')))
  })

  test('data is what input was called before', async () => {
    assert.equal(await word('slot0', { data: '0x01' }), 5n)
    assert.equal(await word('slot0', { input: '0x01', data: '0x01' }), 5n)
    assert.match(
      (await node.fail('eth_call', { to: at('slot0'), input: '0x01', data: '0x02' })).message,
      /not equal/,
    )
  })
})

describe('what a call sees', () => {
  test('the block it names is its own: numbers, hashes, tags', async () => {
    const head = (await node.call('eth_getBlockByNumber', 'latest', false)) as {
      hash: string
      parentHash: string
    }
    assert.equal(await word('number', {}, 'latest'), 1n)
    assert.equal(await word('number', {}, '0x0'), 0n)
    assert.equal(await word('number', {}, { blockHash: head.hash }), 1n)
    assert.equal(await word('number', {}, { blockNumber: '0x0' }), 0n)
    assert.equal(await word('number', {}, 'pending'), 2n)
    assert.equal(await word('parentHash', {}, 'latest'), BigInt(head.parentHash))
  })

  test('state as it was', async () => {
    const sent = addressOf(0xeeee)
    const code = bytesToHex(assemble(`PUSH2 0xeeee BALANCE`, RETURN_WORD))
    const balanceAt = async (block: string): Promise<unknown> =>
      node.call('eth_call', { to: at('empty') }, block, { [at('empty')]: { code } })
    assert.deepEqual([await balanceAt('0x0'), await balanceAt('latest')], [wordToHash(0n), wordToHash(1n)])
    assert.equal(await node.call('eth_getBalance', sent, 'latest'), '0x1')
  })

  test('delegated accounts run the code that they point to', async () => {
    assert.equal(await word('delegated', { from: RICH }), BigInt(RICH))
  })

  test('blob hashes, free while no blob fee is named', async () => {
    const hash = `0x01${'77'.repeat(31)}`
    assert.equal(await word('blobHash', { blobVersionedHashes: [hash] }), BigInt(hash))
    const paid = { from: RICH, gas: '0xf4240', gasPrice: '0x77359400', blobVersionedHashes: [hash] }
    assert.equal(await word('blobHash', paid), BigInt(hash))
    assert.equal(await word('blobHash', { ...paid, maxFeePerBlobGas: '0x5' }), BigInt(hash))
    const { message } = await node.fail(
      'eth_call',
      { to: at('blobHash'), ...paid, maxFeePerBlobGas: '0x1' },
      'latest',
      {},
      { blobBaseFee: '0x2' },
    )
    assert.match(message, /max fee per blob gas less than block blob gas fee/)
  })

  test('warm slots of an access list cost less', async () => {
    const gasAfter = { code: bytesToHex(assemble('PUSH0 SLOAD POP GAS', RETURN_WORD)) }
    const left = (accessList: unknown): Promise<bigint> =>
      word('slot0', { gas: '0xf4240', accessList }, 'latest', { [at('slot0')]: gasAfter })
    const listed = await left([{ address: at('slot0'), storageKeys: [wordToHash(0n)] }])
    assert.equal((await left([])) - listed, 2400n + 1900n - 2000n)
  })
})

describe('how a call fails', () => {
  const failures: readonly (readonly [keyof typeof CONTRACTS, object, number, RegExp])[] = [
    ['empty', {}, 3, /^execution reverted$/],
    ['invalid', {}, -32000, /^invalid opcode: INVALID$/],
    ['underflow', {}, -32000, /^stack underflow \(0 <=> 1\)$/],
    ['badJump', {}, -32000, /^invalid jump destination$/],
    ['endless', { gas: '0xf4240' }, -32000, /^out of gas$/],
    ['caller', { gas: '0x5207' }, -32000, /intrinsic gas too low: gas limit 20999, needed 21000/],
    [
      'caller',
      { from: addressOf(0xaa), value: '0x1' },
      -32000,
      /insufficient funds for gas \* price \+ value: balance 0, tx cost 1/,
    ],
    [
      'caller',
      { gasPrice: '0x77359400', gas: '0x5208' },
      -32000,
      /insufficient funds for gas \* price \+ value/,
    ],
    [
      'caller',
      { from: RICH, maxFeePerGas: '0x1', gas: '0xf4240' },
      -32000,
      /max fee per gas less than block base fee/,
    ],
    [
      'caller',
      { maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x2' },
      -32000,
      /max priority fee per gas higher than max fee per gas/,
    ],
    ['caller', { gasPrice: '0x1', maxFeePerGas: '0x1' }, -32602, /both gasPrice and/],
    ['caller', { chainId: '0x1' }, -32602, /chainId does not match node's \(have=1, want=31337\)/],
  ]
  for (const [name, fields, code, message] of failures) {
    test(`${name} ${JSON.stringify(fields)}`, async () => {
      const error = await node.fail('eth_call', { to: at(name), ...fields })
      assert.equal(error.code, code)
      assert.match(error.message, message)
    })
  }

  test('the same from eth_call and eth_estimateGas, with the same data', async () => {
    const data = concatBytes(
      Uint8Array.fromHex('08c379a0'),
      ...[32n, 4n].map((value) => Uint8Array.fromHex(wordToHash(value).slice(2))),
      new TextEncoder().encode('oops'.padEnd(32, '\0')),
    )
    const code = bytesToHex(assemble(...storing(data), `PUSH1 ${data.length} PUSH0 REVERT`))
    const overrides = { [at('empty')]: { code } }
    const fromCall = await node.fail('eth_call', { to: at('empty') }, 'latest', overrides)
    assert.deepEqual(fromCall, { code: 3, message: 'execution reverted: oops', data: bytesToHex(data) })
    assert.deepEqual(await node.fail('eth_estimateGas', { to: at('empty') }, 'latest', overrides), fromCall)
  })

  test('a block that is not there', async () => {
    const { code, message } = await node.fail('eth_call', { to: at('caller') }, '0x64')
    assert.equal(code, -32001)
    assert.match(message, /header not found/)
  })
})

describe('state overrides', () => {
  const call = (name: keyof typeof CONTRACTS, overrides: object, fields: object = {}): Promise<bigint> =>
    word(name, fields, 'latest', overrides)

  test('balance, nonce and code', async () => {
    assert.equal(await call('selfBalance', { [at('selfBalance')]: { balance: '0x2a' } }), 42n)
    assert.equal(
      await call(
        'value',
        { [addressOf(0xaa)]: { balance: '0x2a' } },
        { from: addressOf(0xaa), value: '0x2a' },
      ),
      42n,
    )
    assert.equal(
      await call('caller', { [at('caller')]: { code: bytesToHex(assemble('PUSH1 9', RETURN_WORD)) } }),
      9n,
    )
    const creating = { code: bytesToHex(assemble('PUSH0 PUSH0 PUSH0 CREATE', RETURN_WORD)), nonce: '0x5' }
    const created = await call('caller', { [at('caller')]: creating })
    const other = await call('caller', { [at('caller')]: { ...creating, nonce: '0x6' } })
    assert.notEqual(created, other)
  })

  test('stateDiff changes some slots, state leaves no others', async () => {
    const slot = (index: bigint, value: bigint): object => ({ [wordToHash(index)]: wordToHash(value) })
    assert.equal(await call('slot0And1', { [at('slot0And1')]: { stateDiff: slot(1n, 100n) } }), 105n)
    assert.equal(await call('slot0And1', { [at('slot0And1')]: { state: slot(1n, 100n) } }), 100n)
    assert.equal(await call('slot0And1', { [at('slot0And1')]: { state: {} } }), 0n)
    const { code, message } = await node.fail('eth_call', { to: at('slot0') }, 'latest', {
      [at('slot0')]: { state: {}, stateDiff: {} },
    })
    assert.equal(code, -32602)
    assert.match(message, /both 'state' and 'stateDiff'/)
  })

  test('a precompile can be replaced and moved', async () => {
    const abc = 0xba7816bf_8f01cfea_414140de_5dae2223_b00361a3_96177a9c_b410ff61_f20015adn
    const sha256 = addressOf(2)
    assert.equal(await word('sha256'), abc)
    const fake = { code: bytesToHex(assemble('PUSH1 7', RETURN_WORD)) }
    assert.equal(await call('sha256', { [sha256]: fake }), 7n)
    for (const to of [addressOf(0x1234), `0x${'ab'.repeat(20)}`]) {
      const moved = { [sha256]: { ...fake, movePrecompileToAddress: to } }
      assert.equal(await call('sha256', moved), 7n)
      assert.equal(await node.call('eth_call', { to, data: '0x616263' }, 'latest', moved), wordToHash(abc))
    }
    const fail = (overrides: object): Promise<{ message: string }> =>
      node.fail('eth_call', { to: sha256 }, 'latest', overrides)
    const toTaken = { [sha256]: { movePrecompileToAddress: at('caller') }, [at('caller')]: { nonce: '0x1' } }
    assert.match((await fail(toTaken)).message, /already overridden/)
    assert.match(
      (await fail({ [at('caller')]: { movePrecompileToAddress: sha256 } })).message,
      /is not a precompile/,
    )
  })

  test('leave the chain as it is', async () => {
    await call('slot0', { [at('slot0')]: { state: {}, balance: '0x5' } })
    assert.equal(await word('slot0'), 5n)
    assert.equal(await node.call('eth_getBalance', at('slot0'), 'latest'), '0x0')
  })
})

test('block overrides change what block instructions read', async () => {
  const overrides = {
    number: '0x64',
    time: '0xfffffffff',
    gasLimit: '0x1234',
    feeRecipient: addressOf(0xfee),
    prevRandao: wordToHash(77n),
    blobBaseFee: '0x9',
  }
  const see = (name: keyof typeof CONTRACTS): Promise<bigint> => word(name, {}, 'latest', {}, overrides)
  assert.deepEqual(
    [
      await see('number'),
      await see('time'),
      await see('gasLimit'),
      await see('coinbase'),
      await see('randao'),
      await see('blobFee'),
    ],
    [100n, 0xfffffffffn, 0x1234n, 0xfeen, 77n, 9n],
  )
  const priced = { from: RICH, gas: '0xf4240', gasPrice: '0x77359400' }
  assert.equal(await word('baseFee', priced, 'latest', {}, { baseFeePerGas: '0x5' }), 5n)
  const head = (await node.call('eth_getBlockByNumber', 'latest', false)) as { hash: string }
  assert.equal(await word('parentHash', {}, 'latest', {}, { number: '0x2' }), BigInt(head.hash))
  const { message } = await node.fail('eth_call', { to: at('number') }, 'latest', {}, { withdrawals: [] })
  assert.match(message, /"withdrawals" is not supported/)
})

describe('eth_createAccessList', () => {
  test('lists what is touched beyond the accounts that are warm anyway, in order', async () => {
    const result = await node.call('eth_createAccessList', { from: RICH, to: at('reads') })
    const { accessList, gasUsed } = result as { accessList: unknown; gasUsed: string }
    assert.deepEqual(accessList, [
      { address: at('reads'), storageKeys: [wordToHash(3n), wordToHash(7n)] },
      { address: addressOf(0xabcd), storageKeys: [] },
      { address: addressOf(0xbeef), storageKeys: [] },
    ])
    const [call] = [{ from: RICH, to: at('reads'), accessList }]
    assert.equal(await node.call('eth_estimateGas', call), gasUsed)
  })

  test('says why the call fails, and what it touched all the same', async () => {
    const code = bytesToHex(assemble('PUSH1 1 SLOAD PUSH0 PUSH0 REVERT'))
    const result = await node.call('eth_createAccessList', { to: at('empty') }, 'latest', {
      [at('empty')]: { code },
    })
    const { error, accessList } = result as { error: string; accessList: unknown }
    assert.equal(error, 'execution reverted')
    assert.deepEqual(accessList, [{ address: at('empty'), storageKeys: [wordToHash(1n)] }])
  })

  test('ends for code that touches something new each time', async () => {
    const code = bytesToHex(assemble('GAS BALANCE STOP'))
    const result = await node.call('eth_createAccessList', { to: at('empty') }, 'latest', {
      [at('empty')]: { code },
    })
    assert.ok((result as { accessList: unknown[] }).accessList.length >= 1)
  })
})

/** Instructions that write bytes to memory, from its start. */
function storing(bytes: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(bytes.length / 32) }, (_, index) => {
    const padded = new Uint8Array(32)
    padded.set(bytes.subarray(32 * index, 32 * index + 32))
    return `PUSH32 ${bytesToHex(padded)} PUSH2 ${32 * index} MSTORE`
  })
}

test('addresses in any case are the same', async () => {
  const upper = `0x${at('slot0').slice(2).toUpperCase()}`
  assert.equal(await node.call('eth_call', { to: upper }), wordToHash(5n))
  assert.equal(toAddress(upper), at('slot0'))
})
