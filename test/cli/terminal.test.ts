/** What people see: bars, banners, numbers in JSON. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DEV_ACCOUNTS, devGenesis } from '../../src/chain/dev-genesis.ts'
import { banner, readyLine, type ReadyFacts } from '../../src/cli/banner.ts'
import { bar } from '../../src/cli/terminal.ts'

const FACTS: ReadyFacts = {
  url: 'http://127.0.0.1:8545',
  genesis: devGenesis({ timestamp: 1_700_000_000n }),
  gasLimit: 30_000_000n,
  head: 0n,
  directory: undefined,
  accounts: DEV_ACCOUNTS.map((account) => ({ ...account, balance: 10_000n * 10n ** 18n })),
}

describe('a bar', () => {
  test('is as full as its share', () => {
    assert.equal(bar(0, 4), '[....]')
    assert.equal(bar(0.5, 4), '[##..]')
    assert.equal(bar(1, 4), '[####]')
  })

  test('stays within its ends', () => {
    assert.equal(bar(-1, 4), '[....]')
    assert.equal(bar(7, 4), '[####]')
  })
})

describe('the banner', () => {
  test('rounds balances down to four decimals', () => {
    const balances = [0n, 1n, 10n ** 14n, 123_456_789_000_000_000_000n, 10n ** 21n]
    const accounts = DEV_ACCOUNTS.map((account, i) => ({ ...account, balance: balances[i] ?? 0n }))
    const shown = [...banner({ ...FACTS, accounts }).matchAll(/\(([\d.]+) coins\)/g)].map(
      ([, coins]) => coins,
    )
    assert.deepEqual(shown.slice(0, 5), ['0', '0', '0.0001', '123.4567', '1000'])
  })

  test('says where the chain is, and whether it goes on', () => {
    assert.match(banner(FACTS), /The chain is in memory and ends with this process/)
    assert.match(banner({ ...FACTS, directory: 'here' }), /The chain is kept in here\./)
    assert.match(banner({ ...FACTS, directory: 'here', head: 7n }), /in here goes on from block 7/)
  })

  test('warns of an address that others can reach', () => {
    const warning = /Everybody who can reach this machine/
    for (const url of ['http://127.0.0.1:1', 'http://127.1.2.3:1', 'http://[::1]:1']) {
      assert.doesNotMatch(banner({ ...FACTS, url }), warning)
    }
    for (const url of ['http://0.0.0.0:1', 'http://192.0.2.7:1', 'http://[::]:1']) {
      assert.match(banner({ ...FACTS, url }), warning)
    }
  })

  test('has no colours where there is no terminal', () => {
    assert.equal(banner(FACTS).includes('\u001b'), false)
  })
})

test('the line for programs is one line, with what a client needs', () => {
  const line = readyLine({ ...FACTS, directory: 'here', head: 3n })
  assert.match(line, /^[^\n]+\n$/)
  const { accounts, ...ready } = JSON.parse(line) as { accounts: readonly unknown[] }
  assert.equal(accounts.length, 10)
  assert.deepEqual(ready, {
    url: 'http://127.0.0.1:8545',
    webSocketUrl: 'ws://127.0.0.1:8545',
    chainId: 31_337,
    head: 3,
    data: 'here',
    mnemonic: 'test test test test test test test test test test test junk',
  })
})
