/**
 * Commits of 2,000 updates to a trie of 100,000 accounts: ours beside @ethereumjs/mpt, both in memory, same updates.
 * Run: `node benchmarks/trie.bench.ts`. Prints the median, fastest and slowest commit of each kind, in ms; for ours also
 * without keccak256, whose share is that of hashing the same nodes once more.
 */
import { cpus } from 'node:os'
import { createMPT } from '@ethereumjs/mpt'
import { EMPTY_TRIE_ROOT } from '../src/chain/ordered-trie.ts'
import { bytesToHex, type Hash } from '../src/primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256 } from '../src/primitives/keccak.ts'
import { encodeAccount } from '../src/state/account-codec.ts'
import { updateTrie, type TrieUpdate } from '../src/state/trie.ts'

const ACCOUNTS = 100_000
const UPDATES = 2_000
const ROUNDS = 15
const REFERENCE_ROUNDS = 3

function account(index: number, nonce: number): TrieUpdate {
  const key = keccak256(Uint8Array.of(index >> 16, index >> 8, index))
  const balance = BigInt(index) * 10n ** 15n
  const value = { nonce: BigInt(nonce), balance, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH }
  return { key, value: encodeAccount(value) }
}

/** Updates of one round, spread over all accounts: 80 % change one, 10 % add one, 10 % delete one added before. */
function batch(round: number): TrieUpdate[] {
  const part = UPDATES / 10
  const updates: TrieUpdate[] = []
  for (let i = 0; i < part * 8; i++) updates.push(account((i * 61 + round * 7919) % ACCOUNTS, round))
  for (let i = 0; i < part; i++) {
    updates.push(account(ACCOUNTS + round * part + i, round))
    updates.push({ ...account(ACCOUNTS + (round - 1) * part + i, 0), value: null })
  }
  return updates
}

function report(name: string, times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b)
  const median = sorted[sorted.length >> 1] ?? 0
  const spread = `${(sorted[0] ?? 0).toFixed(1)}–${(sorted.at(-1) ?? 0).toFixed(1)}`
  console.log(`${name.padEnd(34)} ${median.toFixed(1).padStart(8)} ms  (${spread}, ${times.length} commits)`)
  return median
}

const initial = Array.from({ length: ACCOUNTS }, (_, index) => account(index, 0))
const rounds = Array.from({ length: ROUNDS }, (_, index) => batch(index + 1))
console.log(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`)
console.log(`${UPDATES} updates a commit, ${ACCOUNTS} accounts`)

const store = new Map<string, Uint8Array>()
const roots: Hash[] = [EMPTY_TRIE_ROOT]
const times: number[] = []
const hashTimes: number[] = []
for (const updates of [initial, ...rounds]) {
  const start = performance.now()
  const { root, nodes } = updateTrie((path) => store.get(path), roots.at(-1) as Hash, updates)
  for (const [path, rlp] of nodes) {
    if (rlp === null) store.delete(path)
    else store.set(path, rlp)
  }
  const hashStart = performance.now()
  for (const rlp of nodes.values()) if (rlp !== null) keccak256(rlp)
  const end = performance.now()
  roots.push(root)
  // The first commit fills the trie; the next ones warm up.
  if (roots.length <= 5) continue
  times.push(hashStart - start)
  hashTimes.push(end - hashStart)
}
const ours = report('ours', times)
report(
  'ours without keccak256',
  times.map((time, index) => time - (hashTimes[index] ?? 0)),
)

const reference = await createMPT()
for (const { key, value } of initial) await reference.put(key, value)
const referenceTimes: number[] = []
for (const [index, updates] of rounds.slice(0, REFERENCE_ROUNDS).entries()) {
  const start = performance.now()
  for (const { key, value } of updates)
    await (value === null ? reference.del(key) : reference.put(key, value))
  referenceTimes.push(performance.now() - start)
  if (bytesToHex(reference.root()) !== roots[index + 2]) throw new Error('the roots differ')
}
const theirs = report('@ethereumjs/mpt 10.1.3', referenceTimes)
console.log(`ours takes ${((100 * ours) / theirs).toFixed(1)} % of the time; roots agree`)
