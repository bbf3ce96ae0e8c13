/** What a development node remembers when it is started again, and what it does not. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { present } from '../../src/primitives/assert.ts'
import { wordToAddress, wordToHash, ZERO_ADDRESS } from '../../src/primitives/bytes.ts'
import { DEV_ACCOUNTS, devGenesis } from '../../src/chain/dev-genesis.ts'
import {
  decodeDevSettings,
  DevSettingsError,
  encodeDevSettings,
  type DevSettings,
} from '../../src/node/dev/dev-settings.ts'
import { openNode, type Node } from '../../src/node/node.ts'
import type { DevControls } from '../../src/rpc/backend.ts'
import { ManualClock } from '../support/manual-clock.ts'

const HEAD = wordToHash(5n)
const SOMEBODY = wordToAddress(0xabcn)

const uint = fc.bigInt({ min: 0n, max: 2n ** 64n })
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const PLAIN = { noNullPrototype: true } as const
const settings: fc.Arbitrary<DevSettings> = fc.record(
  {
    time: fc.record(
      {
        offsetSeconds: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
        nextTimestamp: maybe(uint),
        blockInterval: maybe(uint),
      },
      PLAIN,
    ),
    block: fc.record(
      {
        nextBaseFee: maybe(uint),
        nextPrevRandao: maybe(uint.map(wordToHash)),
        gasLimit: maybe(uint),
        coinbase: uint.map(wordToAddress),
      },
      PLAIN,
    ),
    minGasPrice: uint,
    impersonated: fc.array(uint.map(wordToAddress)),
    impersonatesAll: fc.boolean(),
  },
  PLAIN,
)

describe('settings as bytes', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(settings, (value) => {
        assert.deepEqual(decodeDevSettings(encodeDevSettings(value, HEAD), HEAD), value)
      }),
    )
  })

  test('lose what was meant for the next block when there is another one', () => {
    fc.assert(
      fc.property(settings, (value) => {
        const { time, block } = decodeDevSettings(encodeDevSettings(value, HEAD), wordToHash(6n))
        assert.deepEqual(time, { ...value.time, nextTimestamp: undefined })
        assert.deepEqual(block, { ...value.block, nextBaseFee: undefined, nextPrevRandao: undefined })
      }),
    )
  })

  test('that are damaged are refused with a cure', () => {
    for (const text of ['', 'null', '[]', '{}', '{"offsetSeconds":"1"}', '{"offsetSeconds":1.5}']) {
      assert.throws(
        () => decodeDevSettings(new TextEncoder().encode(text), HEAD),
        (error) => error instanceof DevSettingsError && /start over with --reset/.test(error.message),
        text,
      )
    }
  })
})

describe('a node that is started again', () => {
  let directory: string
  let clock: ManualClock

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'aevir-settings.'))
    clock = new ManualClock()
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  async function withNode<T>(work: (node: Node, dev: DevControls) => Promise<T>): Promise<T> {
    const node = await openNode({
      genesis: devGenesis({ timestamp: 1_600_000_000n }),
      directory,
      engine: 'tier0',
      mining: { automine: true, intervalMs: 0 },
      devAccounts: DEV_ACCOUNTS,
      clientVersion: 'Aevir/test',
      clock,
      onError: (error) => assert.fail(String(error)),
    })
    try {
      return await work(node, present(node.backend.dev, 'development controls'))
    } finally {
      await node.close()
    }
  }

  test('keeps its time, also while it does not run', async () => {
    const before = await withNode(async ({ backend }, dev) => {
      dev.increaseTime(86_400n)
      return backend.nextEnvironment().timestamp
    })
    clock.advance(60_000)
    await withNode(async ({ backend }) => assert.equal(backend.nextEnvironment().timestamp, before + 60n))
  })

  test('keeps what the next block is to be, until that block is made', async () => {
    const timestamp = 1_900_000_000n
    const randao = wordToHash(7n)
    await withNode(async (_, dev) => {
      dev.setNextBlockTimestamp(timestamp)
      dev.setNextBlockBaseFee(77n)
      dev.setNextPrevRandao(randao)
      dev.setCoinbase(SOMEBODY)
      dev.setBlockGasLimit(12_000_000n)
    })
    await withNode(async ({ backend, chain }, dev) => {
      const { timestamp: time, baseFeePerGas, prevRandao, beneficiary, gasLimit } = backend.nextEnvironment()
      assert.deepEqual(
        { time, baseFeePerGas, prevRandao, beneficiary, gasLimit },
        {
          time: timestamp,
          baseFeePerGas: 77n,
          prevRandao: randao,
          beneficiary: SOMEBODY,
          gasLimit: 12_000_000n,
        },
      )
      await dev.mine(1)
      assert.equal(chain.ledger.head().baseFeePerGas, 77n)
    })
    await withNode(async ({ backend }) => {
      const next = backend.nextEnvironment()
      assert.notEqual(next.baseFeePerGas, 77n)
      assert.notEqual(next.prevRandao, randao)
      assert.ok(next.timestamp > timestamp)
      assert.deepEqual([next.beneficiary, next.gasLimit], [SOMEBODY, 12_000_000n])
    })
  })

  test('keeps changed state that no block has yet, once', async () => {
    await withNode(async (_, dev) => dev.setBalance(SOMEBODY, 5n))
    await withNode(async ({ backend, chain }, dev) => {
      assert.equal(backend.latestState().account(SOMEBODY)?.balance, 5n)
      await dev.mine(1)
      assert.equal(chain.overlay.layerCount, 0)
    })
    await withNode(async ({ backend, chain }) => {
      assert.equal(chain.overlay.layerCount, 0)
      assert.equal(backend.latestState().account(SOMEBODY)?.balance, 5n)
      assert.equal(chain.ledger.stateAt(0n).account(SOMEBODY), undefined)
    })
  })

  test('keeps whom it impersonates, and forgets all with a reset', async () => {
    await withNode(async (_, dev) => dev.impersonate(SOMEBODY))
    await withNode(async (_, dev) => {
      assert.ok(dev.isImpersonated(SOMEBODY))
      assert.equal(dev.isImpersonated(ZERO_ADDRESS), false)
      dev.stopImpersonating(SOMEBODY)
      dev.setAutoImpersonate(true)
      dev.setCoinbase(SOMEBODY)
    })
    await withNode(async ({ backend }, dev) => {
      assert.ok(dev.isImpersonated(ZERO_ADDRESS))
      assert.equal(backend.nextEnvironment().beneficiary, SOMEBODY)
      await dev.reset()
    })
    await withNode(async ({ backend }) => assert.equal(backend.nextEnvironment().beneficiary, ZERO_ADDRESS))
  })

  test('mines as its command line says, and has no snapshots', async () => {
    const id = await withNode(async (_, dev) => {
      dev.setAutomine(false)
      return dev.snapshot()
    })
    await withNode(async (_, dev) => {
      assert.ok(dev.automine())
      assert.equal(await dev.revert(id), false)
    })
  })
})
