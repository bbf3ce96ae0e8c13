/** A node as its users have it: a port on this machine that answers. Whoever started it may be somebody else. */
import { RpcConnection } from '../../../benchmarks/rpc-connection.ts'

export interface NodeHandle {
  /** Such as `executor-1`. */
  readonly name: string
  readonly rpcPort: number
}

/** One request on a connection of its own. @throws RpcRefusal | NodeGoneError */
export async function ask<T>(
  { rpcPort }: NodeHandle,
  method: string,
  params: readonly unknown[] = [],
): Promise<T> {
  const connection = await RpcConnection.open(rpcPort)
  try {
    return await connection.call<T>(method, params)
  } finally {
    connection.close()
  }
}

/** Whether a request failed because the node is not there, rather than because it refused. */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'NODE_GONE' || code === 'ECONNREFUSED' || code === 'ECONNRESET'
}
