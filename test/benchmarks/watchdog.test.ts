/**
 * Nothing that a benchmark starts outlives it. A harness in a process of its own starts a peer, and that another one;
 * both connect to the test and take no notice of signals. Their connections close when the system ends them.
 */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'

const TIMEOUT_MS = 30_000
const PROCESSES = new URL('../../benchmarks/processes.ts', import.meta.url).href
const CONTESTANT = new URL('../../benchmarks/evm-contestant.ts', import.meta.url).href

/** Connects to the port, then starts itself once more if it is asked to. */
const PEER = `
  const [port, next] = process.argv.slice(1)
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {})
  require('node:net').connect(Number(port), '127.0.0.1')
  if (next) require('node:child_process').spawn(process.execPath, ['-e', next, port], { stdio: 'ignore' })
`

describe('processes of a benchmark', { timeout: TIMEOUT_MS }, () => {
  let server: Server
  let port = 0
  before(async () => {
    server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  after(() => server.close())

  /** The connections of as many peers, once all are there. */
  async function peers(count: number): Promise<readonly Socket[]> {
    const { promise, resolve } = Promise.withResolvers<Socket[]>()
    const sockets: Socket[] = []
    const add = (socket: Socket): void => {
      if (sockets.push(socket) === count) resolve(sockets)
    }
    server.on('connection', add)
    await promise
    server.off('connection', add)
    return sockets
  }

  function harness(code: string): ChildProcess {
    const args = [process.execPath, '-e', PEER, `${port}`, PEER]
    const text = `const [file, ...args] = ${JSON.stringify(args)}; const { start, stop } = await import(${JSON.stringify(PROCESSES)}); ${code}`
    return spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['pipe', 'ignore', 'pipe'] })
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    test(`end with a harness that gets a ${signal}`, async () => {
      const child = harness('start({ file, args })')
      const sockets = await peers(2)
      const closed = Promise.all(sockets.map((socket) => once(socket.resume(), 'close')))
      child.kill(signal)
      await closed
    })
  }

  test('end with a harness that fails', async () => {
    const child = harness(
      `start({ file, args }); process.stdin.once('data', () => { throw new Error('fails') })`,
    )
    const sockets = await peers(2)
    const closed = Promise.all(sockets.map((socket) => once(socket.resume(), 'close')))
    child.stdin?.write('now')
    await closed
    assert.notEqual(child.exitCode, 0)
  })

  test('end with the first of their group, and do not keep the harness', async () => {
    const child = harness(
      `const child = start({ file, args }); process.stdin.once('data', async () => { child.kill('SIGKILL'); await stop(child); process.stdin.destroy() })`,
    )
    const ended = once(child, 'exit')
    const sockets = await peers(2)
    const closed = Promise.all(sockets.map((socket) => once(socket.resume(), 'close')))
    child.stdin?.write('now')
    await closed
    assert.deepEqual(await ended, [0, null])
  })

  test('end in the middle of a long call of an engine', async () => {
    const address = `0xc0${'00'.repeat(19)}`
    const call = { from: `0xa0${'00'.repeat(19)}`, to: address, data: '0x', gas: 1e15 }
    // What this harness is given as its program is not for processes that it forks.
    const text = `
      process.execArgv = []
      const { WorkerContestant } = await import(${JSON.stringify(CONTESTANT)})
      const contestant = await WorkerContestant.open('tier0', 'tier0')
      await contestant.place([{ address: '${address}', code: '0x5b5f56' }])
      void contestant.run(${JSON.stringify(call)}, 1)
      console.log('runs')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await once(child.stdout, 'data')
    // The worker has an end of this pipe, too: it closes when both are gone.
    const closed = once(child.stdout.resume(), 'close')
    child.kill('SIGKILL')
    await closed
  })
})
