/** `aevir devnet` as people and programs run it: what it says, what it answers, and that it ends when told to. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { MAIN, refusalOf } from '../support/cli.ts'
import { startDevnet } from '../support/devnet.ts'

/** What it promises. */
const STOP_MAX_MS = 10_000
const SMALL = ['--executors', '4', '--witnesses', '4', '--port', '0']

interface RunningDevnet {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly lines: AsyncIterator<string>
}

/** Runs `work` while the network runs; then the network must end at one Ctrl-C. */
async function withRunning(
  args: readonly string[],
  work: (running: RunningDevnet) => Promise<void>,
): Promise<void> {
  const child = spawn(process.execPath, [MAIN, 'devnet', ...SMALL, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = (): boolean => child.kill('SIGKILL')
  process.once('exit', kill)
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  try {
    await work({ child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() })
    const startedMs = performance.now()
    child.kill('SIGINT')
    // Whatever it still says must be read.
    child.stdout.resume()
    if (child.exitCode === null) await once(child, 'exit')
    assert.equal(child.exitCode, 0, complaints)
    assert.ok(performance.now() - startedMs < STOP_MAX_MS)
    assert.equal(complaints, '')
  } finally {
    kill()
    process.off('exit', kill)
  }
}

async function nextLine({ lines }: RunningDevnet): Promise<string> {
  const { value, done } = await lines.next()
  assert.notEqual(done, true, 'the network ended')
  return value as string
}

describe('aevir devnet', () => {
  test('tells programs when it is ready and what is sealed', async () => {
    const devnet = await startDevnet(['--executors', '4', '--witnesses', '4'])
    try {
      assert.equal(devnet.nodes.length, 8)
      assert.ok((await devnet.sealed()) >= 1)
      assert.equal(await devnet.rpc('eth_chainId'), '0x7a69')
      const status = (await devnet.rpc('aevir_consensusStatus')) as { node: string; canBreak: boolean }
      assert.equal(status.node, devnet.nodes[0]?.node)
      assert.equal(status.canBreak, true)
      assert.equal(await devnet.stop(), 0)
      assert.equal(devnet.complaints(), '')
    } finally {
      devnet.kill()
    }
  })

  test('tells people where it listens, and then one line a seal', () =>
    withRunning([], async (running) => {
      const screen: string[] = []
      while (!screen.at(-1)?.startsWith('Listening on ')) screen.push(await nextLine(running))
      assert.ok(screen.length < 50, 'more than a screen')
      assert.match(screen.join('\n'), /cast rpc aevir_setFault '\{"fault":"pause","node":"witness-4"\}'/)
      assert.match(await nextLine(running), /^pre-confirmed \d+ · final \d+ · sealed 1\S* · .*seal \d+ ms/)
    }))

  test('refuses a size that has no quorum', async () => {
    assert.match(await refusalOf(['devnet', '--executors', '14']), /no quorum is defined for 14 members/)
  })
})
