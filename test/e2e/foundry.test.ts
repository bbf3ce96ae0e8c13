/** foundry on a running node: cast's commands one by one, a forge script, `forge create`, and tests on a fork of it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DEV_ACCOUNTS } from '../../src/chain/dev-genesis.ts'
import { present } from '../../src/primitives/assert.ts'
import { startDevNode, type DevNode } from '../support/dev-node.ts'
import { installClients } from '../support/clients.ts'

const SOLC = fileURLToPath(new URL('../clients/solc.js', import.meta.url))
const CAST_TIMEOUT_MS = 30_000
const FORGE_TIMEOUT_MS = 120_000
const VAULT_EVENT = 'Deposited(address indexed by, uint256 amount, string note)'

const clients = await installClients()
const [owner, other] = DEV_ACCOUNTS.map((account) => ({
  ...account,
  sign: ['--private-key', account.privateKey],
}))
const from = present(owner, 'account 0')
const to = present(other, 'account 1').address

interface Receipt {
  readonly status: string
  readonly transactionHash: string
  readonly blockNumber: string
  readonly contractAddress: string
  readonly logs: readonly unknown[]
}

describe('foundry on a running node', { skip: typeof clients === 'string' && clients }, () => {
  if (typeof clients === 'string') return
  const { run: runClient } = clients
  const cwd = clients.project('foundry-project')
  let node: DevNode
  let vault: string

  before(async () => {
    node = await startDevNode()
  })
  after(() => node.stop())

  async function run(program: string, args: readonly string[], env = {}): Promise<string> {
    const timeoutMs = program === 'cast' ? CAST_TIMEOUT_MS : FORGE_TIMEOUT_MS
    const settings = {
      ETH_RPC_URL: node.url,
      FOUNDRY_SOLC: SOLC,
      FOUNDRY_DISABLE_NIGHTLY_WARNING: '1',
      ...env,
    }
    const { exitCode, stdout, stderr } = await runClient(program, args, { cwd, env: settings, timeoutMs })
    assert.equal(exitCode, 0, `${program} ${args.join(' ')}\n${stdout}\n${stderr}`)
    return stdout.trim()
  }
  const cast = (...args: readonly string[]): Promise<string> => run('cast', args)
  const castJson = async <T>(...args: readonly string[]): Promise<T> =>
    JSON.parse(await cast(...args, '--json')) as T
  /** What cast writes when it fails. */
  async function castFailure(...args: readonly string[]): Promise<string> {
    const env = { ETH_RPC_URL: node.url }
    const { exitCode, stderr } = await runClient('cast', args, { cwd, env, timeoutMs: CAST_TIMEOUT_MS })
    assert.notEqual(exitCode, 0)
    return stderr
  }

  test('forge create deploys a contract', { timeout: FORGE_TIMEOUT_MS }, async () => {
    const args = ['create', 'contracts/Vault.sol:Vault', '--broadcast', ...from.sign, '--json']
    const output = await run('forge', [...args, '--rpc-url', node.url])
    const created = JSON.parse(output.slice(output.indexOf('{'))) as { deployer: string; deployedTo: string }
    assert.equal(created.deployer.toLowerCase(), from.address)
    vault = created.deployedTo
    assert.ok((await cast('code', vault)).startsWith('0x60'))
  })

  describe('cast', { timeout: FORGE_TIMEOUT_MS }, () => {
    test('sends coins and reads balances', async () => {
      const receipt = await castJson<Receipt>('send', to, '--value', '1ether', ...from.sign)
      assert.equal(receipt.status, '0x1')
      assert.equal(await cast('balance', to, '--ether'), '10001.000000000000000000')
      assert.equal(await cast('nonce', from.address), '2')
      assert.match(await cast('receipt', receipt.transactionHash), /status +1 \(success\)/)
      assert.match(await cast('tx', receipt.transactionHash), /type +2/)
    })

    test('calls, writes, estimates, and finds logs', async () => {
      const deposit = [vault, 'deposit(string)', 'from cast', '--value', '7']
      assert.ok(BigInt(await cast('estimate', ...deposit, '--from', from.address)) > 21_000n)
      const receipt = await castJson<Receipt>('send', ...deposit, ...from.sign)
      assert.equal(receipt.logs.length, 1)
      assert.equal(await cast('call', vault, 'total()(uint256)'), '7')
      assert.equal(await cast('call', vault, 'balanceOf(address)(uint256)', from.address), '7')
      assert.equal(BigInt(await cast('storage', vault, '1')), 7n)
      const logs = await castJson<unknown[]>('logs', '--from-block', '0', '--address', vault, VAULT_EVENT)
      assert.equal(logs.length, 1)
      const proof = await castJson<{ storageProof: { value: string }[] }>('proof', vault, '1')
      assert.equal(proof.storageProof[0]?.value, '0x7')
    })

    test('sends every type of transaction', async () => {
      const legacy = await castJson<Receipt & { type: string }>('send', to, '--legacy', ...from.sign)
      assert.equal(legacy.type, '0x0')
      const list = await castJson<Receipt & { type: string }>(
        ...['send', vault, 'deposit(string)', '', '--value', '1', '--access-list', '--legacy', ...from.sign],
      )
      assert.equal(list.type, '0x1')
      const delegating = present(other, 'account 1').sign
      const args = ['send', to, '--value', '1', '--auth', vault, ...delegating]
      const setCode = await castJson<Receipt & { type: string }>(...args)
      assert.equal(setCode.type, '0x4')
      assert.equal(await cast('code', to), `0xef0100${vault.slice(2).toLowerCase()}`)
    })

    test('publishes what was signed elsewhere', async () => {
      const raw = await cast('mktx', to, '--value', '5', ...from.sign)
      const receipt = JSON.parse(await cast('publish', raw)) as Receipt
      assert.equal(receipt.status, '0x1')
      assert.match(await castFailure('publish', raw), /nonce too low|already known/)
    })

    test('tells why a call fails', async () => {
      assert.match(await castFailure('call', vault, 'deposit(string)', ''), /Vault: nothing sent/)
      assert.match(await castFailure('call', vault, 'share(uint256)', '0'), /division or modulo by zero/)
      const owing = ['send', vault, 'withdraw(address,uint256)', to, '100', ...from.sign]
      assert.match(await castFailure(...owing), /reverted/)
      assert.match(
        await castFailure('send', to, '--value', '1000000ether', ...from.sign),
        /insufficient funds/i,
      )
    })

    test('replays a transaction and traces a call', async () => {
      const args = [
        'send',
        vault,
        'withdraw(address,uint256)',
        '0x00000000000000000000000000000000000a11ce',
        '3',
      ]
      const { transactionHash } = await castJson<Receipt>(...args, ...from.sign)
      const replay = await cast('run', transactionHash)
      assert.match(replay, /::fallback\{value: 3\}/)
      assert.match(replay, /Transaction successfully executed/)
      const { gasUsed } = await castJson<{ gasUsed: string }>('receipt', transactionHash)
      assert.match(replay, new RegExp(`Gas used: ${BigInt(gasUsed)}`))
      assert.match(await cast('call', '--trace', vault, 'total()'), /staticcall|total|2ddbd13a/i)
      const frame = await cast('rpc', 'debug_traceTransaction', transactionHash, '{"tracer":"callTracer"}')
      assert.match(frame, /"type":"CALL"/)
      const access = await cast('access-list', vault, 'total()')
      assert.match(access, new RegExp(vault, 'i'))
    })

    test('reads blocks, fees and the pool, and mines', async () => {
      assert.equal(await cast('chain-id'), '31337')
      assert.match(await cast('client'), /aevir/i)
      const number = BigInt(await cast('block-number'))
      await cast('rpc', 'anvil_mine', '0x3', '0xa')
      assert.equal(BigInt(await cast('block-number')), number + 3n)
      const block = await castJson<{ number: string; transactions: unknown[] }>('block', 'latest')
      assert.equal(BigInt(block.number), number + 3n)
      const full = await castJson<{ transactions: unknown[] }>('block', `${number}`, '--full')
      assert.equal(full.transactions.length, 1)
      assert.ok(BigInt(await cast('base-fee')) > 0n)
      assert.ok(BigInt(await cast('gas-price')) > 0n)
      assert.match(await cast('age'), /UTC/)
      assert.match(await cast('rpc', 'anvil_nodeInfo'), /"hardFork":"osaka"/)
      assert.match(await cast('tx-pool', 'status'), /"pending": "0x0"/)
      assert.equal(await cast('find-block', '1'), '1')
    })

    test('sends as an account without its key', async () => {
      const whale = '0x00000000000000000000000000000000000fa7e5'
      await cast('rpc', 'anvil_setBalance', whale, '0xde0b6b3a7640000')
      await cast('rpc', 'anvil_impersonateAccount', whale)
      const receipt = await castJson<Receipt>('send', to, '--value', '1', '--from', whale, '--unlocked')
      assert.equal(receipt.status, '0x1')
    })
  })

  test('a forge script broadcasts its transactions', { timeout: FORGE_TIMEOUT_MS }, async () => {
    const before = BigInt(await cast('nonce', from.address))
    const args = ['script', 'script/Deploy.s.sol', '--broadcast', '--rpc-url', node.url]
    const output = await run('forge', args)
    assert.match(output, /ONCHAIN EXECUTION COMPLETE & SUCCESSFUL/)
    assert.equal(BigInt(await cast('nonce', from.address)), before + 4n)
    const [, address] = /contract Vault (0x[0-9a-fA-F]{40})/.exec(output) ?? []
    assert.equal(
      await cast('balance', present(address, 'address of the vault'), '--ether'),
      '2.000000000000000000',
    )
    assert.equal(
      await cast('call', present(address, 'address of the vault'), 'total()(uint256)'),
      '2000000000000000000 [2e18]',
    )
  })

  test(
    'forge tests, fuzzing included, run on a fork of the node',
    { timeout: FORGE_TIMEOUT_MS },
    async () => {
      const held = BigInt(await cast('balance', vault))
      const value = `${5n * 10n ** 18n - held}`
      await cast('send', vault, 'deposit(string)', 'filled up', '--value', value, ...from.sign)
      const output = await run('forge', ['test', '--fork-url', node.url, '--fuzz-seed', '0x1'], {
        VAULT: vault,
      })
      assert.match(output, /3 tests passed, 0 failed, 0 skipped/)
    },
  )
})
