/**
 * A hostile client against a running node, while another one goes about its business: the node answers both, keeps
 * nothing of the former, and stays alive.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { attack, ATTACKS } from '../support/attacks.ts'
import { startDevNode, type DevNode } from '../support/dev-node.ts'

/** No request of the other client takes longer, on a machine that runs other tests beside. */
const LATENCY_MAX_MS = 5_000
/** What memory may grow by: garbage that was not collected yet, code that was compiled. */
const GROWTH_MAX_BYTES = 300_000_000
const PAYMENT = {
  from: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
  to: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
  value: '0x1',
}

/** A client with nothing bad in mind: it sends transactions, reads them back and follows the chain. */
class GoodClient {
  readonly latenciesMs: number[] = []
  heads = 0
  transactions = 0
  private readonly node: DevNode
  private readonly socket: WebSocket
  private isDone = false
  private work: Promise<void> | undefined

  constructor(node: DevNode) {
    this.node = node
    this.socket = new WebSocket(node.webSocketUrl)
  }

  async start(): Promise<void> {
    await once(this.socket, 'open')
    this.socket.on('message', (data: Buffer) => {
      if (data.toString().includes('eth_subscription')) this.heads++
    })
    this.socket.send('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}')
    this.work = this.run()
    // Whoever awaits stop() learns of a failure.
    this.work.catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.isDone = true
    await this.work
    this.socket.terminate()
  }

  private async run(): Promise<void> {
    while (!this.isDone) {
      const hash = await this.timed('eth_sendTransaction', PAYMENT)
      const receipt = (await this.timed('eth_getTransactionReceipt', hash)) as { status: string } | null
      assert.equal(receipt?.status, '0x1')
      this.transactions++
    }
  }

  private async timed(method: string, ...params: readonly unknown[]): Promise<unknown> {
    const startedMs = performance.now()
    const result = await this.node.rpc(method, ...params)
    this.latenciesMs.push(performance.now() - startedMs)
    return result
  }
}

describe('under attack', () => {
  let node: DevNode
  let good: GoodClient
  let residentBefore: number | undefined

  before(async () => {
    node = await startDevNode()
    good = new GoodClient(node)
    await good.start()
    // Everything is loaded and warm when memory is looked at first.
    while (good.transactions < 100) await node.rpc('eth_blockNumber')
    residentBefore = residentBytes(node.pid)
  })
  after(() => node.kill())

  for (const [name, run] of Object.entries(ATTACKS)) {
    test(`by ${name}`, () => attack(node, run))
  }

  test('once more, and memory does not grow again', async (t) => {
    const first = residentBytes(node.pid)
    for (const run of Object.values(ATTACKS)) await attack(node, run)
    const second = residentBytes(node.pid)
    t.diagnostic(
      `resident memory ${megabytes(residentBefore)}, ${megabytes(first)} after all attacks, ` +
        `${megabytes(second)} after all once more`,
    )
    if (residentBefore === undefined || first === undefined || second === undefined) return
    assert.ok(first - residentBefore < GROWTH_MAX_BYTES)
    assert.ok(second - first < GROWTH_MAX_BYTES / 2)
  })

  test('the other client was served all the time', async (t) => {
    await good.stop()
    const slowestMs = Math.max(...good.latenciesMs)
    t.diagnostic(`${good.transactions} transactions meanwhile, slowest request ${slowestMs.toFixed(0)} ms`)
    assert.ok(slowestMs < LATENCY_MAX_MS, `${slowestMs} ms`)
    assert.ok(good.heads >= good.transactions)
    assert.doesNotMatch(node.output(), /internal error|Error:/)
    assert.equal(await node.stop(), 0, node.output())
  })
})

/** Of a process, in bytes; `undefined` where the system does not tell. */
function residentBytes(pid: number): number | undefined {
  const path = `/proc/${pid}/status`
  if (!existsSync(path)) return undefined
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8'))?.[1]) * 1024
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? 'unknown' : `${(bytes / 1e6).toFixed(0)} MB`
}
