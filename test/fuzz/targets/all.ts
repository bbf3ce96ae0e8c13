/** Everything that sees bytes from outside: the table that the fuzzer works off. */
import type { Target } from '../target.ts'
import { CHAIN_TARGETS } from './chain.ts'
import { CONSENSUS_TARGETS } from './consensus.ts'
import { FILE_TARGETS } from './files.ts'
import { NETWORK_TARGETS } from './network.ts'
import { NODE_TARGETS } from './node.ts'
import { RPC_TARGETS } from './rpc.ts'
import { SEALED_TARGETS } from './sealed.ts'
import { SIGNATURE_TARGETS } from './signatures.ts'
import { STORAGE_TARGETS } from './storage.ts'
import { TEXT_TARGETS } from './text.ts'

export const TARGETS: readonly Target[] = [
  ...CONSENSUS_TARGETS,
  ...SIGNATURE_TARGETS,
  ...SEALED_TARGETS,
  ...NETWORK_TARGETS,
  ...NODE_TARGETS,
  ...CHAIN_TARGETS,
  ...STORAGE_TARGETS,
  ...TEXT_TARGETS,
  ...RPC_TARGETS,
  ...FILE_TARGETS,
]
