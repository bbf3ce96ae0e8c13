/** Seals and committees of a running node, by its RPC: its answers are input from outside, and read as such. */
import { AevirError } from '../primitives/errors.ts'
import { bytesToHex, hexToBytes, toHash, type Hash } from '../primitives/bytes.ts'
import { NODE_ID_SIZE } from '../consensus/committees/committee.ts'
import type { Seats } from '../consensus/committees/schedule.ts'
import type { NodeId } from '../consensus/election/election.ts'
import { REVEAL_SIZE } from '../consensus/election/randomness.ts'
import type { ElectionSeal, ElectionSource } from '../consensus/light/election-check.ts'
import { COUNT_MAX, type Epoch, type View } from '../consensus/simplex/types.ts'
import type { NetworkGenesis } from '../node/network-genesis.ts'
import { RPC_CODES } from '../rpc/errors.ts'

const TIMEOUT_MS = 10_000
const QUANTITY = /^0x(?:0|[1-9a-f][0-9a-f]{0,15})$/

/** The node cannot be asked, or its answers make no sense. */
export class NodeRpcError extends AevirError {
  override readonly code = 'NODE_RPC'
}

type Answer = Readonly<Record<string, unknown>>

/** @throws NodeRpcError also when the node is of another chain. */
export async function openElectionRpc(
  url: string,
  { genesis, block }: NetworkGenesis,
): Promise<ElectionSource> {
  const node = new NodeRpc(url)
  const chainId = BigInt(node.count(await node.ask('eth_chainId', [])))
  const first = node.object(await node.ask('eth_getBlockByNumber', ['0x0', false]))
  if (chainId !== genesis.config.chainId || first['hash'] !== block.hash) {
    throw new NodeRpcError(
      `the node at ${url} is of chain ${chainId} with genesis ${String(first['hash'])}, not of chain ` +
        `${genesis.config.chainId} with genesis ${block.hash}: name its genesis file with --genesis`,
    )
  }
  return {
    async sealOf(number) {
      const answer = await node.ask('aevir_getBlockCertificates', [`0x${number.toString(16)}`])
      const seal = answer === null ? null : node.object(answer)['seal']
      return seal === null || seal === undefined ? undefined : readSeal(node, node.object(seal))
    },
    async members(layer, cycle) {
      const answer = await node.ask('aevir_getCommittees', [`0x${cycle.toString(16)}`], RPC_CODES.notFound)
      if (answer === null) return undefined
      const [committee] = node.list(node.object(answer)[layer === 'execution' ? 'executors' : 'witnesses'])
      if (committee === undefined) return undefined
      return node
        .list(node.object(committee)['members'])
        .map((member) => node.id(node.object(member)['node']))
    },
  }
}

function readSeal(node: NodeRpc, seal: Answer): ElectionSeal {
  const { handover } = seal
  return {
    // Brands only: count() checked the range.
    epoch: node.count(seal['epoch']) as Epoch,
    view: node.count(node.object(seal['proposal'])['view']) as View,
    first: BigInt(node.count(seal['first'])),
    last: BigInt(node.count(seal['last'])),
    reveal: node.bytes(seal['reveal'], REVEAL_SIZE),
    randomness: node.hash(seal['randomness']),
    handover: handover === null ? undefined : readSeats(node, node.object(handover)),
  }
}

function readSeats(node: NodeRpc, seats: Answer): Seats {
  return {
    executors: node.list(seats['executors']).map((id) => node.id(id)),
    witnesses: node.list(seats['witnesses']).map((id) => node.id(id)),
  }
}

/** Asks, and reads answers. Every method throws {@link NodeRpcError}. */
class NodeRpc {
  private readonly url: string
  private nextId = 1

  constructor(url: string) {
    this.url = url
  }

  /** @param missing the code of an error that is answered by `null` here. */
  async ask(method: string, params: readonly unknown[], missing?: number): Promise<unknown> {
    const answer = this.object(await this.send({ jsonrpc: '2.0', id: this.nextId++, method, params }))
    const { error, result } = answer
    if (error === undefined) return result
    const { code, message } = this.object(error)
    if (missing !== undefined && code === missing) return null
    throw new NodeRpcError(`the node at ${this.url} refuses ${method}: ${String(message)}`)
  }

  private async send(request: object): Promise<unknown> {
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      return await response.json()
    } catch (cause) {
      const reason = ((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message
      throw new NodeRpcError(
        `no answer from ${this.url} (${reason}): name the RPC of a running node with --rpc`,
        {
          cause,
        },
      )
    }
  }

  object(value: unknown): Answer {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Answer
    throw this.nonsense('an object', value)
  }

  list(value: unknown): readonly unknown[] {
    if (Array.isArray(value)) return value
    throw this.nonsense('a list', value)
  }

  count(value: unknown): number {
    const count = typeof value === 'string' && QUANTITY.test(value) ? Number(value) : Number.NaN
    if (count <= COUNT_MAX) return count
    throw this.nonsense('a count', value)
  }

  bytes(value: unknown, size: number): Uint8Array {
    if (typeof value === 'string' && /^0x[0-9a-f]*$/.test(value) && value.length === 2 + 2 * size) {
      return hexToBytes(value)
    }
    throw this.nonsense(`${size} bytes`, value)
  }

  hash(value: unknown): Hash {
    return toHash(bytesToHex(this.bytes(value, 32)))
  }

  id(value: unknown): NodeId {
    return bytesToHex(this.bytes(value, NODE_ID_SIZE))
  }

  private nonsense(expected: string, found: unknown): NodeRpcError {
    const text = JSON.stringify(found) ?? 'nothing'
    return new NodeRpcError(
      `the node at ${this.url} answers ${text.slice(0, 60)} where ${expected} should be: it may be another version`,
    )
  }
}
