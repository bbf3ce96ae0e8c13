/** Requests from the execution layer to whoever runs validators: deposits, withdrawals, consolidations (EIP-7685). */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHash, bytesToBigint, concatBytes, toHash, type Hash } from '../primitives/bytes.ts'
import { CONSOLIDATION_REQUESTS_ADDRESS, WITHDRAWAL_REQUESTS_ADDRESS } from '../chain/system-contracts.ts'
import type { Log, Receipt } from '../chain/receipt.ts'
import type { Journal } from '../state/journal.ts'
import type { Engine } from '../../runtime/host.ts'
import type { BlockEnvironment } from './environment.ts'
import { InvalidBlockError } from './errors.ts'
import { takeRequests } from './system-calls.ts'

const DEPOSIT_TYPE = 0
const WITHDRAWAL_TYPE = 1
const CONSOLIDATION_TYPE = 2

/** keccak256 of `DepositEvent(bytes,bytes,bytes,bytes,bytes)` (EIP-6110). */
const DEPOSIT_TOPIC: Hash = toHash('0x649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5')
const DEPOSIT_LOG_SIZE = 576
/** Where each of the five values of a deposit's log begins (its length word), and its size in bytes. */
const DEPOSIT_LAYOUT = [
  { name: 'pubkey', offset: 160, size: 48 },
  { name: 'withdrawal credentials', offset: 256, size: 32 },
  { name: 'amount', offset: 320, size: 8 },
  { name: 'signature', offset: 384, size: 96 },
  { name: 'index', offset: 512, size: 8 },
] as const

/** All requests of a block, each its type byte and its data; empty ones are left out. */
export function collectRequests(
  journal: Journal,
  environment: BlockEnvironment,
  receipts: readonly Receipt[],
  engine?: Engine,
): readonly Uint8Array[] {
  if (!environment.rules.hasRequests) return []
  return listRequests(
    depositsOf(receipts, environment),
    takeRequests(journal, environment, WITHDRAWAL_REQUESTS_ADDRESS, engine),
    takeRequests(journal, environment, CONSOLIDATION_REQUESTS_ADDRESS, engine),
  )
}

/** The data of all deposits that a block's logs announce. @throws InvalidBlockError when one has another layout. */
export function depositsOf(receipts: readonly Receipt[], environment: BlockEnvironment): Uint8Array {
  const deposits: Uint8Array[] = []
  // Hot: asked of every log.
  for (const { logs } of receipts) {
    for (const log of logs) if (isDeposit(log, environment)) deposits.push(depositOf(log))
  }
  return concatBytes(...deposits)
}

/** Requests with their type bytes, in the order of types, from the data of each type. */
export function listRequests(
  deposits: Uint8Array,
  withdrawals: Uint8Array,
  consolidations: Uint8Array,
): readonly Uint8Array[] {
  const requests: readonly [number, Uint8Array][] = [
    [DEPOSIT_TYPE, deposits],
    [WITHDRAWAL_TYPE, withdrawals],
    [CONSOLIDATION_TYPE, consolidations],
  ]
  return requests
    .filter(([, data]) => data.length > 0)
    .map(([type, data]) => concatBytes(Uint8Array.of(type), data))
}

/** What the header commits to (EIP-7685). */
export function requestsHash(requests: readonly Uint8Array[]): Hash {
  return bytesToHash(sha256(concatBytes(...requests.map((request) => sha256(request)))))
}

function isDeposit(log: Log, { config }: BlockEnvironment): boolean {
  return log.address === config.depositContractAddress && log.topics[0] === DEPOSIT_TOPIC
}

/** The five values of a deposit's log behind each other. @throws InvalidBlockError when its layout is another one. */
function depositOf({ data }: Log): Uint8Array {
  const refuse = (what: string): never => {
    throw new InvalidBlockError('requests', `invalid deposit event: ${what} (EIP-6110)`)
  }
  if (data.length !== DEPOSIT_LOG_SIZE) refuse(`${data.length} bytes of data, not ${DEPOSIT_LOG_SIZE}`)
  const word = (offset: number): bigint => bytesToBigint(data.subarray(offset, offset + 32))
  const values = DEPOSIT_LAYOUT.map(({ name, offset, size }, index) => {
    if (word(32 * index) !== BigInt(offset)) refuse(`${name} is not at ${offset}`)
    if (word(offset) !== BigInt(size)) refuse(`${name} does not have ${size} bytes`)
    return data.subarray(offset + 32, offset + 32 + size)
  })
  return concatBytes(...values)
}
