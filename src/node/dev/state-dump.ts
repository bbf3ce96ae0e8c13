/**
 * All accounts as a gzipped JSON file, in the form that `anvil_dumpState` writes and `anvil_loadState` reads
 * (foundry's "SerializableState": `{ accounts: { address: { nonce, balance, code, storage } } }`).
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import { EMPTY_TRIE_ROOT } from '../../chain/ordered-trie.ts'
import {
  bytesToHex,
  hexToBytes,
  toAddress,
  UINT64_MAX,
  WORD_MAX,
  wordToHash,
  type Address,
  type Hash,
} from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../../primitives/keccak.ts'
import type { Account, StateDiff } from '../../state/state-reader.ts'
import type { Blockchain } from '../blockchain.ts'

/** Largest dump that is unpacked, in bytes. */
const DUMP_SIZE_MAX = 256 * 1024 * 1024
const GZIP_MAGIC = 0x1f

export class StateDumpError extends AevirError {
  override readonly code = 'INVALID_STATE_DUMP'
}

/** State at the head, development changes included, as gzipped JSON. */
export function dumpState({ ledger, overlay }: Blockchain): Uint8Array {
  const accounts: Record<string, unknown> = {}
  const diff = overlay.diff()
  const state = overlay.over(ledger.stateAt(ledger.head().number))
  const addresses = new Set<Address>([...ledger.accounts(), ...(diff?.accounts.keys() ?? [])])
  for (const address of addresses) {
    const account = state.account(address)
    if (account === undefined) continue
    const changed = [...(diff?.storage.get(address) ?? [])].map(([slot]) => slot)
    const storage: Record<string, string> = {}
    for (const slot of new Set([...ledger.slots(address), ...changed])) {
      const value = state.storage(address, slot)
      if (value !== 0n) storage[wordToHash(slot)] = wordToHash(value)
    }
    const code = account.codeHash === EMPTY_CODE_HASH ? '0x' : bytesToHex(state.code(account.codeHash))
    accounts[address] = {
      nonce: Number(account.nonce),
      balance: `0x${account.balance.toString(16)}`,
      code,
      storage,
    }
  }
  const { number, timestamp } = ledger.head()
  const dump = { best_block_number: Number(number), timestamp: Number(timestamp), accounts }
  return gzipSync(JSON.stringify(dump))
}

/** What a dump says, as changes to `state`. @throws StateDumpError */
export function parseStateDump(dump: Uint8Array): StateDiff {
  const accounts = new Map<Address, Account>()
  const storage = new Map<Address, Map<bigint, bigint>>()
  const codes = new Map<Hash, Uint8Array>()
  for (const [key, value] of Object.entries(accountsOf(dump))) {
    try {
      const address = toAddress(key)
      const entry = record(value, key)
      const code = hexToBytes(hexText(entry['code'] ?? '0x'))
      const codeHash = code.length === 0 ? EMPTY_CODE_HASH : keccak256Hash(code)
      if (code.length > 0) codes.set(codeHash, code)
      const nonce = integer(entry['nonce'], UINT64_MAX)
      accounts.set(address, {
        nonce,
        balance: integer(entry['balance'], WORD_MAX),
        codeHash,
        storageRoot: EMPTY_TRIE_ROOT,
      })
      const slots = Object.entries(record(entry['storage'] ?? {}, 'storage'))
      const words = slots.map(([slot, word]) => [integer(slot, WORD_MAX), integer(word, WORD_MAX)] as const)
      storage.set(address, new Map(words))
    } catch (error) {
      throw new StateDumpError(`state dump: account ${key} is malformed`, { cause: error })
    }
  }
  return { accounts, storage, clearedStorage: new Set(), codes }
}

function accountsOf(dump: Uint8Array): Record<string, unknown> {
  try {
    const bytes = dump[0] === GZIP_MAGIC ? gunzipSync(dump, { maxOutputLength: DUMP_SIZE_MAX }) : dump
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return record(record(parsed, 'dump')['accounts'], 'accounts')
  } catch (error) {
    throw new StateDumpError(
      'state dump: expected JSON with "accounts", gzipped or not, as anvil_dumpState makes it',
      {
        cause: error,
      },
    )
  }
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StateDumpError(`state dump: ${what} must be an object`)
  }
  return value as Record<string, unknown>
}

function hexText(value: unknown): string {
  if (typeof value !== 'string') throw new StateDumpError('state dump: code must be hex')
  return value
}

/** An integer from 0 to `max`. */
function integer(value: unknown, max: bigint): bigint {
  const isNumber = Number.isSafeInteger(value)
  if (isNumber || (typeof value === 'string' && /^(0x[0-9a-fA-F]+|[0-9]+)$/.test(value))) {
    const result = BigInt(value as number | string)
    if (result >= 0n && result <= max) return result
  }
  throw new StateDumpError(`state dump: ${String(value)} is no integer from 0 to ${max}`)
}
