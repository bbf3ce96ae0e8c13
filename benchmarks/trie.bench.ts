/**
 * Commits of 2,000 updates to a trie of 100,000 accounts: ours beside @ethereumjs/mpt, both in memory, same updates.
 * For ours also without keccak256, whose share is that of hashing the same nodes once more.
 */
import assert from 'node:assert/strict'
import { createMPT } from '@ethereumjs/mpt'
import { EMPTY_TRIE_ROOT } from '../src/chain/ordered-trie.ts'
import { bytesToHex, type Hash } from '../src/primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256 } from '../src/primitives/keccak.ts'
import { encodeAccount } from '../src/state/account-codec.ts'
import { updateTrie, type TrieUpdate } from '../src/state/trie.ts'
import { parseOptions } from './options.ts'
import { spreadOf, type Figure, type Suite } from './suite.ts'

const ACCOUNTS = 100_000
const UPDATES = 2_000
const ROUNDS = 19
const WARM_UP_ROUNDS = 4
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

export const suite: Suite = {
  async run(args, progress) {
    parseOptions({ args: [...args] })
    const initial = Array.from({ length: ACCOUNTS }, (_, index) => account(index, 0))
    const rounds = Array.from({ length: ROUNDS }, (_, index) => batch(index + 1))
    progress('ours')
    const { roots, times, hashTimes } = runOurs([initial, ...rounds])
    progress('@ethereumjs/mpt')
    const reference = await runReference(initial, rounds, roots)
    const withoutHashes = times.map((time, index) => time - (hashTimes[index] ?? 0))
    return {
      input: `${UPDATES} updates a commit (80 % changes, 10 % additions, 10 % deletions) to ${ACCOUNTS} accounts, in memory`,
      warmUp: `the commit that fills the trie and ${WARM_UP_ROUNDS} more for ours, the one that fills it for the baseline`,
      baseline: '@ethereumjs/mpt: the same updates in the same order; the roots must agree',
      sample: 'one commit',
      peers: { '@ethereumjs/mpt': '10.1.3' },
      figures: [
        figure('commit', 'aevir', times),
        figure('commit', '@ethereumjs/mpt', reference),
        figure('commit without keccak256', 'aevir', withoutHashes),
      ],
      checks: [],
      notes: [],
    }
  },
}

function figure(task: string, subject: string, times: readonly number[]): Figure {
  return { task, subject, quantity: 'time', unit: 'ms', spread: spreadOf(times) }
}

function runOurs(batches: readonly (readonly TrieUpdate[])[]): {
  readonly roots: readonly Hash[]
  readonly times: readonly number[]
  readonly hashTimes: readonly number[]
} {
  const store = new Map<string, Uint8Array>()
  const roots: Hash[] = [EMPTY_TRIE_ROOT]
  const times: number[] = []
  const hashTimes: number[] = []
  for (const [index, updates] of batches.entries()) {
    const start = performance.now()
    const { root, nodes } = updateTrie((path) => store.get(path), roots.at(-1) as Hash, updates)
    for (const [path, rlp] of nodes) {
      if (rlp === null) store.delete(path)
      else store.set(path, rlp)
    }
    const hashStart = performance.now()
    for (const [, rlp] of nodes) if (rlp !== null) keccak256(rlp)
    const end = performance.now()
    roots.push(root)
    if (index <= WARM_UP_ROUNDS) continue
    times.push(hashStart - start)
    hashTimes.push(end - hashStart)
  }
  return { roots, times, hashTimes }
}

/** Times of the reference's commits, whose roots must be those of ours. */
async function runReference(
  initial: readonly TrieUpdate[],
  rounds: readonly (readonly TrieUpdate[])[],
  roots: readonly Hash[],
): Promise<readonly number[]> {
  const trie = await createMPT()
  for (const { key, value } of initial) await trie.put(key, value)
  const times: number[] = []
  for (const [index, updates] of rounds.slice(0, REFERENCE_ROUNDS).entries()) {
    const start = performance.now()
    for (const { key, value } of updates) await (value === null ? trie.del(key) : trie.put(key, value))
    times.push(performance.now() - start)
    assert.equal(bytesToHex(trie.root()), roots[index + 2], `root after commit ${index + 1}`)
  }
  return times
}
