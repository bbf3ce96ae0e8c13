/** What a node of a network reads besides messages: its genesis, and transactions that peers gossip. */
import { recoverSender } from '../../../src/chain/transaction-signature.ts'
import { decodeTransaction } from '../../../src/chain/transaction-codec.ts'
import { stringify } from 'smol-toml'
import { parseNodeConfig } from '../../../src/node/config/node-config.ts'
import { throwAwayGenesis } from '../../../src/node/devnet/throw-away-network.ts'
import { parseNetworkGenesis } from '../../../src/node/network-genesis.ts'
import { TransactionDecoder, TransactionGossip } from '../../../src/node/transaction-gossip.ts'
import type { SenderRecovery } from '../../../src/node/sender-recovery.ts'
import type { GossipVerdict } from '../../../src/network/transport.ts'
import { PoolError } from '../../../src/pool/transaction-pool.ts'
import { assert } from '../../../src/primitives/assert.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { signTransaction } from '../../../src/chain/transaction-signature.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { anyTransaction } from '../../support/transaction-arbitraries.ts'
import { target, type Target } from '../target.ts'
import { sample } from './chain.ts'
import { jsonTarget } from './text.ts'

const KEY = new Uint8Array(32).fill(9)

/** As the sender recovery of a node, without its thread. */
const senders: Pick<SenderRecovery, 'recoverAll'> = {
  recoverAll: async (transactions) => transactions.map((transaction) => recoverSender(transaction)),
}

const gossip = target<readonly Uint8Array[], GossipVerdict>({
  name: 'gossip-transactions',
  values: (prng) => {
    const encodings = sample(prng, anyTransaction, 40).map((fields) => signTransaction(fields, KEY).bytes)
    return prng.times(40, () => prng.times(prng.pick([1, 2, 5]), () => prng.pick(encodings)))
  },
  encode: encodeRlp,
  decode: (bytes) => {
    const receiver = new TransactionGossip({
      network: { publish: () => {} },
      clock: new ManualClock(),
      // The rest of the class is its thread.
      decoder: new TransactionDecoder(senders as SenderRecovery),
      pool: { get: () => undefined },
      admit: (transaction) => {
        decodeTransaction(transaction.bytes)
        if (transaction.fields.nonce % 2n === 1n) throw new PoolError('nonceTooLow', 'taken')
      },
    })
    return receiver.receive(bytes)
  },
  errors: [],
  check: (verdict) => assert(['accept', 'ignore', 'reject'].includes(verdict), 'there is a verdict'),
})

const config: object = {
  node: { data: 'data', genesis: 'genesis.json', keys: 'keys', engine: 'tier0', follow: false, history: 100 },
  network: {
    listen: ['/ip4/0.0.0.0/tcp/30303'],
    announce: ['/ip4/192.0.2.1/tcp/30303'],
    bootstrap: ['/ip4/192.0.2.2/tcp/30303'],
    timing: 'regional',
  },
  rpc: { host: '127.0.0.1', port: 8545 },
  log: { level: 'info', format: 'auto' },
}

export const NODE_TARGETS: readonly Target[] = [
  gossip,
  target({
    name: 'config',
    values: () => [config],
    encode: (value: object) => new TextEncoder().encode(stringify(value)),
    isLoose: true,
    decode: (bytes) => parseNodeConfig(new TextDecoder().decode(bytes), 'aevir.toml'),
    errors: ['CONFIG'],
    check: ({ rpcPort, history, listen }) => {
      assert(Number.isInteger(rpcPort) && rpcPort >= 0 && rpcPort <= 65_535, 'a port is one')
      assert(Number.isInteger(history) && history >= 0, 'blocks are counted')
      assert(
        listen.every((address) => typeof address === 'string'),
        'addresses are text',
      )
    },
  }),
  jsonTarget({
    name: 'network-genesis',
    documents: () => {
      const network = { executors: 4, witnesses: 4, seed: 'fuzz' }
      return [JSON.parse(throwAwayGenesis(network, { chainId: 31_337n, timestamp: 1_700_000_000n }))]
    },
    parse: parseNetworkGenesis,
    errors: ['INVALID_GENESIS', 'UNSUPPORTED_FORK'],
    // It checks the proofs of the nodes, and executes the first block.
    timeMsMax: 1000,
  }),
]
