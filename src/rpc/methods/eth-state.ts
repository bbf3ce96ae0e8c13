/** Accounts: balance, nonce, code, storage, and proofs of them. */
import { bytesToHex, wordToHash, type Address, type Hash, type Hex } from '../../primitives/bytes.ts'
import { EMPTY_CODE_HASH } from '../../primitives/keccak.ts'
import { EMPTY_TRIE_ROOT } from '../../chain/ordered-trie.ts'
import { proveAccount } from '../../state/proof.ts'
import type { StateReader } from '../../state/state-reader.ts'
import { RPC_CODES, RpcError } from '../errors.ts'
import { quantity, type JsonRecord } from '../format.ts'
import type { MethodContext, MethodTable } from '../method.ts'
import { parseAddress, parseArray, parseString, unexpected } from '../parse.ts'
import { parseBlockId, requireBlock, stateOf } from '../parse-block.ts'

/** Slots of one proof: each costs up to 64 nodes. */
const PROOF_SLOTS_MAX = 1_024
const STORAGE_KEY = /^(?:0x)?[0-9a-fA-F]*$/
const STORAGE_KEY_DIGITS_MAX = 64

export const methods = {
  eth_getBalance: {
    params: [1, 2],
    run: async ([address, block], { backend }) => {
      const of = parseAddress(address, 'address')
      const state = await stateOf(backend, parseBlockId(block, 'block'))
      return quantity(state.account(of)?.balance ?? 0n)
    },
  },
  eth_getTransactionCount: {
    params: [1, 2],
    run: async ([address, block], { backend }) => {
      const of = parseAddress(address, 'address')
      const id = parseBlockId(block, 'block')
      // The pool knows the next nonce without building a block.
      if (id.kind === 'tag' && id.tag === 'pending') return quantity(backend.pool.nextNonce(of))
      return quantity((await stateOf(backend, id)).account(of)?.nonce ?? 0n)
    },
  },
  eth_getCode: {
    params: [1, 2],
    run: async ([address, block], { backend }) => {
      const of = parseAddress(address, 'address')
      return codeOf(await stateOf(backend, parseBlockId(block, 'block')), of)
    },
  },
  /** Three answers in one: what forge asks first of each account of a fork. */
  eth_getAccountInfo: {
    params: [1, 2],
    run: async ([address, block], { backend }) => {
      const of = parseAddress(address, 'address')
      const state = await stateOf(backend, parseBlockId(block, 'block'))
      const { balance, nonce } = state.account(of) ?? { balance: 0n, nonce: 0n }
      return { balance: quantity(balance), nonce: quantity(nonce), code: codeOf(state, of) }
    },
  },
  eth_getStorageAt: {
    params: [2, 3],
    run: async ([address, slot, block], { backend }) => {
      const of = parseAddress(address, 'address')
      const key = parseStorageKey(slot, 'slot')
      const state = await stateOf(backend, parseBlockId(block, 'block'))
      return wordToHash(state.storage(of, key.slot))
    },
  },
  eth_getProof: {
    params: [2, 3],
    run: ([address, slots, block], context) => getProof(address, slots, block, context),
  },
} as const satisfies MethodTable

function codeOf(state: StateReader, address: Address): Hex {
  const codeHash = state.account(address)?.codeHash ?? EMPTY_CODE_HASH
  return codeHash === EMPTY_CODE_HASH ? '0x' : bytesToHex(state.code(codeHash))
}

interface StorageKey {
  readonly slot: bigint
  /** As `eth_getProof` repeats it: whole words as words, shorter ones as quantities. */
  readonly shown: string
}

/** A slot: up to 32 bytes of hex, which need neither prefix nor even length. Its error has a code of its own. */
function parseStorageKey(value: unknown, where: string): StorageKey {
  const text = parseString(value, where)
  if (!STORAGE_KEY.test(text)) {
    throw new RpcError(RPC_CODES.server, `unable to decode storage key: ${where} must be 0x and hex digits`)
  }
  const digits = text.startsWith('0x') ? text.slice(2) : text
  if (digits.length > STORAGE_KEY_DIGITS_MAX) {
    throw new RpcError(
      RPC_CODES.server,
      `unable to decode storage key: ${where} has ${digits.length} digits, at most ${STORAGE_KEY_DIGITS_MAX}`,
    )
  }
  const slot = BigInt(`0x0${digits}`)
  return { slot, shown: digits.length === STORAGE_KEY_DIGITS_MAX ? wordToHash(slot) : quantity(slot) }
}

function getProof(address: unknown, slots: unknown, block: unknown, { backend }: MethodContext): JsonRecord {
  const of = parseAddress(address, 'address')
  const keys = parseArray(slots, 'slots', PROOF_SLOTS_MAX, parseStorageKey)
  const id = parseBlockId(block, 'block')
  const number = requireBlock(backend.ledger, id)
  if (number === 'pending')
    throw unexpected('block', 'a block of the chain: the pending one has no root yet', block)
  const state = backend.ledger.stateAt(number)
  const proof = proveAccount(
    state,
    state.stateRoot,
    of,
    keys.map(({ slot }) => slot),
  )
  return {
    address: of,
    accountProof: proof.accountProof,
    balance: quantity(proof.account?.balance ?? 0n),
    codeHash: (proof.account?.codeHash ?? EMPTY_CODE_HASH) satisfies Hash,
    nonce: quantity(proof.account?.nonce ?? 0n),
    storageHash: proof.account?.storageRoot ?? EMPTY_TRIE_ROOT,
    storageProof: proof.storageProof.map((slot, index) => ({
      key: (keys[index] as StorageKey).shown,
      value: quantity(slot.value),
      proof: slot.proof,
    })),
  }
}
