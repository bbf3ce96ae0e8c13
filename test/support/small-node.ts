/** A whole development node in memory whose genesis holds the contracts of a test, asked over JSON-RPC. */
import assert from 'node:assert/strict'
import { DEV_ACCOUNTS, devGenesis } from '../../src/chain/dev-genesis.ts'
import type { GenesisAccount } from '../../src/chain/genesis.ts'
import { EMPTY_BYTES, type Address } from '../../src/primitives/bytes.ts'
import { present } from '../../src/primitives/assert.ts'
import { openNode, type Node } from '../../src/node/node.ts'
import { createDispatcher } from '../../src/rpc/dispatcher.ts'
import { ManualClock } from './manual-clock.ts'
import { askText, type RpcFailure } from './rpc-client.ts'
import type { SmallAccount } from './small-world.ts'

/** An account with 10,000 coins whose key the node holds. */
export const RICH: Address = present(DEV_ACCOUNTS[0], 'development account').address

export interface SmallNode {
  readonly node: Node
  readonly clock: ManualClock
  /** The answer to a request, whatever it is. */
  ask(method: string, ...params: readonly unknown[]): ReturnType<typeof askText>
  /** The result of a request that must succeed. */
  call(method: string, ...params: readonly unknown[]): Promise<unknown>
  /** The error of a request that must fail. */
  fail(method: string, ...params: readonly unknown[]): Promise<RpcFailure>
  /** Sends a transaction from {@link RICH} and gives its hash; it is in a block then, unless automine is off. */
  send(transaction: Readonly<Record<string, unknown>>): Promise<string>
  close(): Promise<void>
}

export async function openSmallNode(accounts: ReadonlyMap<Address, SmallAccount>): Promise<SmallNode> {
  const genesis = devGenesis({ timestamp: 1_600_000_000n })
  const clock = new ManualClock()
  const internalErrors: unknown[] = []
  const node = await openNode({
    genesis: { ...genesis, alloc: new Map([...genesis.alloc, ...given(accounts)]) },
    directory: undefined,
    engine: 'tier0',
    mining: { automine: true, intervalMs: 0 },
    devAccounts: DEV_ACCOUNTS,
    clientVersion: 'aevir/test',
    clock,
    onError: (error) => internalErrors.push(error),
  })
  const dispatcher = createDispatcher({
    backend: node.backend,
    clock,
    onInternalError: (error) => internalErrors.push(error),
  })
  const ask: SmallNode['ask'] = async (method, ...params) => {
    const answer = await askText(dispatcher, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))
    assert.deepEqual(internalErrors, [])
    return answer
  }
  const call = async (method: string, ...params: readonly unknown[]): Promise<unknown> => {
    const { error, result } = await ask(method, ...params)
    assert.equal(error, undefined, `${method}: ${error?.message}`)
    return result
  }
  return {
    node,
    clock,
    ask,
    call,
    async fail(method, ...params) {
      const { error, result } = await ask(method, ...params)
      assert.ok(error, `${method} gave ${JSON.stringify(result)}`)
      return error
    },
    async send(transaction) {
      return String(await call('eth_sendTransaction', { from: RICH, ...transaction }))
    },
    async close() {
      dispatcher.close()
      await node.close()
    },
  }
}

function given(accounts: ReadonlyMap<Address, SmallAccount>): [Address, GenesisAccount][] {
  return [...accounts].map(([address, account]) => [address, genesisAccount(account)])
}

function genesisAccount({
  balance = 0n,
  nonce = 0n,
  code = EMPTY_BYTES,
  storage = {},
}: SmallAccount): GenesisAccount {
  const slots = Object.entries(storage).map(([slot, value]): [bigint, bigint] => [BigInt(slot), value])
  return { balance, nonce, code, storage: new Map(slots) }
}
