/** A small network within the test's process, asked over HTTP as users ask it. */
import assert from 'node:assert/strict'
import type { NodeId } from '../../../src/consensus/election/election.ts'
import { openLocalDevnet, type LocalDevnet } from '../../../src/node/devnet/local-devnet.ts'
import type { LocalNode } from '../../../src/node/devnet/local-node.ts'
import { SILENT_LOG } from '../../../src/node/log.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHex, type Hash } from '../../../src/primitives/bytes.ts'
import { transfer } from '../../support/transfer.ts'
import { request } from '../../support/rpc-request.ts'

const CHAIN_ID = 31_337n
/** Far longer than anything here takes on a machine that has other things to do. */
const PATIENCE_MS = 50_000
const POLL_MS = 20

export interface DevnetWorld {
  readonly devnet: LocalDevnet
  /** The result of a request to the first node. */
  rpc(method: string, ...params: readonly unknown[]): Promise<unknown>
  /** A new transfer of one wei. */
  transfer(): { readonly raw: string; readonly hash: Hash }
  /** Sends a transfer and waits until it is sealed at the first node. */
  sealTransfer(): Promise<void>
  node(name: string): LocalNode
  idOf(name: string): NodeId
  /** Waits until the condition holds. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>
}

export interface WorldOptions {
  readonly directory?: string
  /** The next nonce of the account that transfers. */
  readonly nonce?: bigint
}

/** Runs `work` on a network of four executors and four witnesses. No error may go unnoticed. */
export async function withDevnet(
  work: (world: DevnetWorld) => Promise<void>,
  { directory, nonce = 0n }: WorldOptions = {},
): Promise<void> {
  const errors: unknown[] = []
  const devnet = await openLocalDevnet({
    executors: 4,
    witnesses: 4,
    chainId: CHAIN_ID,
    directory,
    engine: 'tier0',
    historyBlocks: 128,
    sharesExecution: false,
    parameters: { heartbeatMs: 500 },
    clientVersion: 'test',
    port: 0,
    hasAllServers: false,
    logOf: () => SILENT_LOG,
    onError: (error) => errors.push(error),
  })
  try {
    await work(worldOf(devnet, nonce))
  } finally {
    await devnet.close()
  }
  assert.deepEqual(errors, [])
}

function worldOf(devnet: LocalDevnet, firstNonce: bigint): DevnetWorld {
  let nonce = firstNonce
  const url = present(devnet.urls.get('executor-1'), 'a server')
  const node = (name: string): LocalNode =>
    present(
      devnet.nodes.find((other) => other.name === name),
      name,
    )
  const world: DevnetWorld = {
    devnet,
    rpc: (method, ...params) => request(url, method, params),
    transfer: () => {
      const { bytes, hash } = transfer(nonce++)
      return { raw: bytesToHex(bytes), hash }
    },
    sealTransfer: async () => {
      const { raw } = world.transfer()
      const wait = { until: 'sealed', timeoutMs: PATIENCE_MS }
      const receipt = await world.rpc('aevir_sendRawTransactionAndWait', raw, wait)
      assert.equal((receipt as { status: unknown }).status, '0x1')
    },
    node,
    idOf: (name) => node(name).id,
    until: async (what, condition) => {
      const endMs = performance.now() + PATIENCE_MS
      while (!(await condition())) {
        assert.ok(performance.now() < endMs, `waited too long until ${what}`)
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    },
  }
  return world
}
