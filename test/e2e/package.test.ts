/** The package as it is published: packed, installed into an empty folder, and run from there. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createWalletClient, http } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'
import { VERSION } from '../../src/node/version.ts'
import { present } from '../../src/primitives/assert.ts'
import { MNEMONIC, startDevNode, type DevNode } from '../support/dev-node.ts'
import { npmInstall, runProgram } from '../support/run-program.ts'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
const PACK_TIMEOUT_MS = 60_000
const INSTALL_TIMEOUT_MS = 180_000
const RUN_TIMEOUT_MS = 30_000
/** More than the node checks on its main thread at once: the worker thread must be found in the package, too. */
const TRANSACTIONS = 40

const directory = mkdtempSync(join(tmpdir(), 'aevir-package-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const main = join(directory, 'node_modules/aevir-vm/dist/src/cli/main.js')

const { exitCode, stdout, stderr } = await runProgram(
  'npm',
  ['pack', '--json', '--pack-destination', directory],
  {
    cwd: REPOSITORY,
    timeoutMs: PACK_TIMEOUT_MS,
  },
)
assert.equal(exitCode, 0, `npm pack: ${stderr}`)
const { filename, files } = packedIn(stdout)
writeFileSync(join(directory, 'package.json'), '{ "private": true }')
const reason = await npmInstall([`./${filename}`], { cwd: directory, timeoutMs: INSTALL_TIMEOUT_MS })
const skip = reason ?? false

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string; readonly size: number }[]
}

/** What npm says of what it packed: a list, or since npm 12 an object by the package's name. */
function packedIn(output: string): Packed {
  const parsed: unknown = JSON.parse(output.slice(output.search(/^[[{]/m)))
  const [packed] = Array.isArray(parsed)
    ? (parsed as Packed[])
    : Object.values(parsed as Record<string, Packed>)
  return present(packed, 'package')
}

test('the package holds what runs and what people read, and nothing else', () => {
  const paths = files.map(({ path }) => path)
  for (const path of [
    'package.json',
    'README.md',
    'LICENSE',
    'src/cli/aevir.js',
    'dist/src/cli/main.js',
    'contracts/interfaces/IERC20.sol',
  ]) {
    assert.ok(paths.includes(path), path)
  }
  const known =
    /^(?:src\/cli\/aevir\.js|dist\/(?:src|runtime)\/.*\.(?:js|d\.ts)|contracts\/.*\.sol|[A-Z]+\.md|LICENSE|package\.json)$/
  assert.deepEqual(
    paths.filter((path) => !known.test(path)),
    [],
  )
})

test('npx aevir says its version and its commands', { skip }, async () => {
  const npx = (...args: string[]): ReturnType<typeof runProgram> =>
    runProgram('npx', ['--no-install', 'aevir', ...args], { cwd: directory, timeoutMs: RUN_TIMEOUT_MS })
  assert.equal((await npx('--version')).stdout.trim(), VERSION)
  const help = await npx('--help')
  for (const command of ['dev', 'import', 'db']) assert.match(help.stdout, new RegExp(`^ +${command} `, 'm'))
  const wrong = await npx('dve')
  assert.notEqual(wrong.exitCode, 0)
  assert.match(wrong.stderr, /did you mean dev/i)
})

test(
  'aevir dev serves, keeps its chain on disk, and goes on from there',
  { skip, timeout: 60_000 },
  async () => {
    const chain = join(directory, 'chain')
    const first = await startDevNode({ program: main, directory: chain })
    assert.equal(await first.rpc('eth_chainId'), '0x7a69')
    await sendMany(first)
    const number = await first.rpc('eth_blockNumber')
    assert.equal(await first.stop(), 0, first.output())
    const second = await startDevNode({ program: main, directory: chain })
    assert.equal(await second.rpc('eth_blockNumber'), number)
    const { address } = mnemonicToAccount(MNEMONIC)
    assert.equal(
      BigInt(await second.rpc<string>('eth_getTransactionCount', address, 'latest')),
      BigInt(TRANSACTIONS),
    )
    assert.equal(await second.stop(), 0, second.output())
    const verified = await runProgram(process.execPath, [main, 'db', 'verify', '--data', chain], {
      cwd: directory,
      timeoutMs: RUN_TIMEOUT_MS,
    })
    assert.equal(verified.exitCode, 0, verified.stderr)
  },
)

/** Signs first and sends all at once: then many wait for the recovery of their senders. */
async function sendMany(node: DevNode): Promise<void> {
  const account = mnemonicToAccount(MNEMONIC)
  const wallet = createWalletClient({ account, chain: foundry, transport: http(node.url) })
  const to = '0x00000000000000000000000000000000000a11ce'
  const fees = { gas: 21_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n }
  const signed: string[] = []
  for (let nonce = 0; nonce < TRANSACTIONS; nonce++) {
    signed.push(await wallet.signTransaction({ to, value: 1n, nonce, ...fees }))
  }
  // The first one starts the thread.
  const [first, ...others] = signed
  await node.rpc('eth_sendRawTransaction', first)
  await Promise.all(others.map((raw) => node.rpc('eth_sendRawTransaction', raw)))
}

test("the package's version is the one that the program tells", () => {
  const manifest = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string }
  assert.equal(manifest.version, VERSION)
})
