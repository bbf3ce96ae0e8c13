/** `net_`, `web3_` and `rpc_`: who is asked. */
import { bytesToHex } from '../../primitives/bytes.ts'
import { keccak256 } from '../../primitives/keccak.ts'
import { quantity } from '../format.ts'
import type { MethodTable } from '../method.ts'
import { parseData } from '../parse.ts'

export const methods = {
  /** In decimal, unlike everything else. */
  net_version: { params: [0, 0], run: (_, { backend }) => backend.config.chainId.toString() },
  net_listening: { params: [0, 0], run: () => true },
  net_peerCount: { params: [0, 0], run: (_, { backend }) => quantity(backend.consensus?.peerCount() ?? 0) },
  web3_clientVersion: { params: [0, 0], run: (_, { backend }) => backend.clientVersion },
  web3_sha3: { params: [1, 1], run: ([data]) => bytesToHex(keccak256(parseData(data, 'data'))) },
  /** The families of methods, as geth reports them. */
  rpc_modules: {
    params: [0, 0],
    run: (_, { methodNames }) =>
      Object.fromEntries(methodNames.map((name) => [name.slice(0, name.indexOf('_')), '1.0'])),
  },
} as const satisfies MethodTable
