/** The development genesis: accounts as viem derives them, and a hash that may never change. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { mnemonicToAccount } from 'viem/accounts'
import { bytesToHex, hexToBytes } from '../../src/primitives/bytes.ts'
import { CREATE2_DEPLOYER, DEV_ACCOUNTS, devGenesis } from '../../src/chain/dev-genesis.ts'
import { rulesAt } from '../../src/chain/forks.ts'
import { genesisBlock, parseGenesis } from '../../src/chain/genesis.ts'
import { SYSTEM_CONTRACTS } from '../../src/chain/system-contracts.ts'
import { stateRootOf } from '../../src/state/genesis-state.ts'
import { SHARED_SKIP, untar } from '../support/shared.ts'

const MNEMONIC = 'test test test test test test test test test test test junk'

suite('the development genesis', () => {
  test('has the accounts that every development tool derives', () => {
    const derived = DEV_ACCOUNTS.map((_, addressIndex) => {
      const account = mnemonicToAccount(MNEMONIC, { addressIndex })
      const privateKey = account.getHdKey().privateKey ?? assert.fail()
      return { address: account.address.toLowerCase(), privateKey: bytesToHex(privateKey) }
    })
    assert.equal(derived.length, 10)
    assert.deepEqual(DEV_ACCOUNTS, derived)
  })

  test('runs the newest rules, gives 10,000 coins each and holds the contracts that tools expect', () => {
    const { config, header, alloc } = devGenesis()
    assert.equal(config.chainId, 31_337n)
    assert.equal(rulesAt(config, 0n).name, 'osaka')
    assert.deepEqual([header.gasLimit, header.baseFeePerGas, header.timestamp], [30_000_000n, 10n ** 9n, 0n])
    const contracts = [...SYSTEM_CONTRACTS, CREATE2_DEPLOYER]
    assert.equal(alloc.size, DEV_ACCOUNTS.length + contracts.length)
    for (const { address } of DEV_ACCOUNTS) assert.equal(alloc.get(address)?.balance, 10n ** 22n)
    for (const { address, code } of contracts) {
      assert.deepEqual(alloc.get(address), { balance: 0n, nonce: 1n, code, storage: new Map() })
    }
  })

  test('is frozen: a chain that was started yesterday goes on today', () => {
    const genesis = devGenesis()
    const expected = '0xaea71fb395bb4d0b6306e919ce9106b1cc59536a79d5e2795cae9845a5aef39b'
    assert.equal(genesisBlock(genesis, stateRootOf(genesis.alloc)).hash, expected)
  })

  test('takes other values where asked to', () => {
    const { config, header, alloc } = devGenesis({
      chainId: 5n,
      timestamp: 9n,
      gasLimit: 6_000n,
      baseFeePerGas: 1n,
      balance: 3n,
    })
    assert.deepEqual(
      [config.chainId, header.timestamp, header.gasLimit, header.baseFeePerGas],
      [5n, 9n, 6_000n, 1n],
    )
    for (const { address } of DEV_ACCOUNTS) assert.equal(alloc.get(address)?.balance, 3n)
  })
})

suite('system contracts', () => {
  test('have the code that public chains give them', { skip: SHARED_SKIP }, () => {
    const file = untar('rpc/execution-apis-d08382ae.tar.gz').get('apis-d08382ae/tests/genesis.json')
    const { alloc } = parseGenesis(new TextDecoder().decode(file))
    for (const { address, code } of SYSTEM_CONTRACTS) assert.deepEqual(alloc.get(address)?.code, code)
  })

  test('stand where the EIPs put them, and answer their system calls only', () => {
    assert.equal(SYSTEM_CONTRACTS.length, 4)
    // Each begins with: caller; push20 of the system address; equals.
    const prologue = `0x3373${'ff'.repeat(19)}fe14`
    for (const { code } of SYSTEM_CONTRACTS) assert.deepEqual(code.subarray(0, 23), hexToBytes(prologue))
  })
})
