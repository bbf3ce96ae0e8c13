/** A development node for the length of a demonstration: in memory, in this process, on a free port. */
import { DEV_ACCOUNTS, devGenesis } from '../src/chain/dev-genesis.ts'
import { openNode } from '../src/node/node.ts'
import { systemClock } from '../src/node/system-clock.ts'
import { VERSION } from '../src/node/version.ts'
import { createRpcServer } from '../src/rpc/server.ts'

export interface DemoNode {
  readonly url: string
  close(): Promise<void>
}

/** @param report hears of failures that no caller waits for. */
export async function startDemoNode(report: (error: unknown) => void): Promise<DemoNode> {
  const node = await openNode({
    genesis: devGenesis({ timestamp: BigInt(Math.floor(systemClock.nowMs() / 1000)) }),
    directory: undefined,
    engine: 'tier0',
    mining: { automine: true, intervalMs: 0 },
    devAccounts: DEV_ACCOUNTS,
    clientVersion: `Aevir/${VERSION}/demo`,
    onError: report,
  })
  const server = await createRpcServer({
    backend: node.backend,
    port: 0,
    clock: systemClock,
    onInternalError: report,
  })
  const close = async (): Promise<void> => {
    await server.close()
    await node.close()
  }
  return { url: server.url, close }
}
