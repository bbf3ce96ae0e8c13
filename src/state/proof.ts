/**
 * Merkle proofs of accounts and slots (EIP-1186): making them, and checking them against nothing but a state root.
 *
 * A proof is the RLP of the nodes from the root down to where the key's way ends: at its value, or at the node that
 * shows its absence. A node that its parent embeds is part of that parent and not listed. The proof of an empty trie
 * is empty. Checking treats a proof as hostile: every node must be the one its parent names, and all must be used.
 */
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import { AssertionFailure, unreachable } from '../primitives/assert.ts'
import { bytesToHex, HexError, hexToBytes, type Address, type Hash, type Hex } from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'
import { keccak256 } from '../primitives/keccak.ts'
import { RlpError } from '../primitives/rlp.ts'
import { accountKey, decodeAccount, decodeSlotValue, slotKey } from './account-codec.ts'
import type { Account, AccountProof, TrieNodeReader } from './state-reader.ts'
import {
  decodeNode,
  EMBEDDED_BELOW,
  nibbleAt,
  referenceAt,
  TrieNodeError,
  type TrieNode,
} from './trie-node.ts'
import type { ReadNode } from './trie.ts'

/** More nodes than this are no proof of a key of 32 bytes: a node a nibble, and the leaf. */
export const PROOF_NODES_MAX = 65
/** Bytes of the largest node of a state trie: a branch of 16 hashes. */
export const PROOF_NODE_SIZE_MAX = 532

/** A proof that does not show what it should. */
export class ProofError extends AevirError {
  override readonly code = 'INVALID_PROOF'
}

/**
 * Proves an account, or its absence, and some of its slots.
 * @param reader trie nodes of the state at `root`.
 * @throws AssertionFailure when the reader lacks a node or holds one of another state.
 */
export function proveAccount(
  reader: TrieNodeReader,
  root: Hash,
  address: Address,
  slots: readonly bigint[],
): AccountProof {
  const found = prove((path) => reader.trieNode(null, path), root, accountKey(address))
  const account = found.value === undefined ? undefined : decodeAccount(found.value)
  const storageRoot = account?.storageRoot ?? EMPTY_TRIE_ROOT
  const storageProof = slots.map((slot) => {
    const { value, nodes } = prove((path) => reader.trieNode(address, path), storageRoot, slotKey(slot))
    return { slot, value: value === undefined ? 0n : decodeSlotValue(value), proof: nodes.map(bytesToHex) }
  })
  return { account, accountProof: found.nodes.map(bytesToHex), storageProof }
}

/**
 * The value that a trie with the given root holds under `key` (already hashed in state tries); `undefined` when the
 * proof shows that there is none.
 * @throws ProofError when the proof shows neither, or holds anything besides.
 */
export function verifyProof(root: Hash, key: Uint8Array, proof: readonly Hex[]): Uint8Array | undefined {
  if (proof.length > PROOF_NODES_MAX) throw new ProofError(`a proof of ${proof.length} nodes`)
  try {
    let next = 0
    const value = walk(root, key, (hash) => {
      const node = proof[next++]
      if (node === undefined) throw new ProofError('the proof ends before the key does')
      if (node.length > 2 + 2 * PROOF_NODE_SIZE_MAX) throw new ProofError(`node ${next - 1} is too large`)
      const bytes = hexToBytes(node)
      if (keccak256(bytes).toHex() !== hash)
        throw new ProofError(`node ${next - 1} is not the one its parent names`)
      return bytes
    })
    if (next < proof.length) throw new ProofError('nodes behind the end of the proof')
    return value
  } catch (cause) {
    if (cause instanceof TrieNodeError || cause instanceof HexError) {
      throw new ProofError('malformed node in a proof', { cause })
    }
    throw cause
  }
}

/**
 * Checks everything that a proof from an untrusted node claims about an account: its fields or absence, its slots.
 * @param root of a state that the caller trusts.
 * @throws ProofError when any claim is not shown.
 */
export function verifyAccountProof(root: Hash, address: Address, proof: AccountProof): void {
  try {
    const value = verifyProof(root, accountKey(address), proof.accountProof)
    const account = value === undefined ? undefined : decodeAccount(value)
    if (!isSameAccount(account, proof.account)) throw new ProofError(`${address} is not as claimed`)
    const storageRoot = account?.storageRoot ?? EMPTY_TRIE_ROOT
    for (const claim of proof.storageProof) {
      const bytes = verifyProof(storageRoot, slotKey(claim.slot), claim.proof)
      const word = bytes === undefined ? 0n : decodeSlotValue(bytes)
      if (word !== claim.value) throw new ProofError(`slot ${claim.slot} of ${address} is not as claimed`)
    }
  } catch (cause) {
    if (cause instanceof RlpError) throw new ProofError('malformed value in a proof', { cause })
    throw cause
  }
}

function isSameAccount(a: Account | undefined, b: Account | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  const isSameState = a.storageRoot === b.storageRoot && a.codeHash === b.codeHash
  return a.nonce === b.nonce && a.balance === b.balance && isSameState
}

/** The value of a key and the stored nodes on its way. */
function prove(
  read: ReadNode,
  root: Hash,
  key: Uint8Array,
): { value: Uint8Array | undefined; nodes: Uint8Array[] } {
  const nodes: Uint8Array[] = []
  const value = walk(root, key, (hash, path) => {
    const bytes = read(path)
    if (bytes === undefined) throw new AssertionFailure(`missing trie node at "${path}"`)
    // Proofs are rare: here, unlike in a commit, checking every node costs nothing that matters.
    if (keccak256(bytes).toHex() !== hash)
      throw new AssertionFailure(`trie node at "${path}" is of another state`)
    nodes.push(bytes)
    return bytes
  })
  return { value, nodes }
}

/** Follows a key from the root to its value. `nodeOf` finds the node of a hash (hex without prefix), met at a path. */
function walk(
  root: Hash,
  key: Uint8Array,
  nodeOf: (hash: string, path: string) => Uint8Array,
): Uint8Array | undefined {
  if (root === EMPTY_TRIE_ROOT) return undefined
  const digits = key.toHex()
  let node = decodeNode(nodeOf(root.slice(2), ''))
  let depth = 0
  // Ends: each round but the last one uses up a nibble of the key.
  for (;;) {
    const step = next(node, digits, depth)
    if (step.slot === 0) return step.value
    depth = step.depth
    const ref = referenceAt(step.raw, step.slot)
    node = decodeNode(ref.length < EMBEDDED_BELOW ? ref : nodeOf(ref.toHex(), digits.slice(0, depth)))
  }
}

interface Step {
  /** Where to go on in `raw`; 0 = the way ends here, with `value`. */
  readonly slot: number
  readonly raw: Uint8Array
  readonly depth: number
  readonly value: Uint8Array | undefined
}

function next(node: TrieNode, digits: string, depth: number): Step {
  switch (node.kind) {
    case 'leaf':
      return ends(digits.slice(depth) === node.nibbles ? node.value : undefined)
    case 'extension': {
      if (!digits.startsWith(node.nibbles, depth)) return ends(undefined)
      return {
        slot: node.child,
        raw: node.raw,
        depth: depth + node.nibbles.length,
        value: undefined,
      }
    }
    case 'branch': {
      if (depth === digits.length) return ends(node.value ?? undefined)
      const slot = node.children[nibbleAt(digits, depth)] ?? 0
      return { slot, raw: node.raw, depth: depth + 1, value: undefined }
    }
    default:
      return unreachable(node)
  }
}

function ends(value: Uint8Array | undefined): Step {
  return { slot: 0, raw: new Uint8Array(0), depth: 0, value }
}
