/** Blocks that are consistent with themselves and with state, made of given changes instead of executed transactions. */
import {
  blockFromParts,
  EMPTY_OMMERS_HASH,
  transactionsRoot,
  withdrawalsRoot,
} from '../../src/chain/block-codec.ts'
import type { Header } from '../../src/chain/block.ts'
import { bloomOfLogs, mergeBlooms } from '../../src/chain/bloom.ts'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import { receiptsRoot } from '../../src/chain/receipt-codec.ts'
import type { Log, Receipt } from '../../src/chain/receipt.ts'
import { transactionFromFields } from '../../src/chain/transaction-codec.ts'
import type { Transaction } from '../../src/chain/transaction.ts'
import type { ExecutedBlock, WritableLedger } from '../../src/execution/ledger.ts'
import {
  bigintToFixedBytes,
  EMPTY_BYTES,
  wordToAddress,
  wordToHash,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../../src/primitives/keccak.ts'
import { genesisDiff, type GenesisAlloc } from '../../src/state/genesis-state.ts'
import { MemoryState } from '../../src/state/memory-state.ts'
import type { StateDiff, StateReader, TrieNodeReader } from '../../src/state/state-reader.ts'
import { commitState } from '../../src/state/state-tree.ts'
import { openLedger } from '../../src/storage/ledger-database.ts'
import type { KeyValueStore } from '../../src/storage/key-value-store.ts'

export const CHAIN_ID = 0xae1n

const SAMPLE_ALLOC: GenesisAlloc = new Map([
  [wordToAddress(0xa11cen), { balance: 10n ** 24n, nonce: 0n, code: EMPTY_BYTES, storage: new Map() }],
  [
    wordToAddress(0xc0den),
    {
      balance: 0n,
      nonce: 1n,
      code: Uint8Array.of(0x60, 0x00),
      storage: new Map([
        [1n, 2n],
        [3n, 1n << 200n],
      ]),
    },
  ],
])

export const NO_CHANGES: StateDiff = {
  accounts: new Map(),
  storage: new Map(),
  clearedStorage: new Set(),
  codes: new Map(),
}

export function genesisBlock(alloc: GenesisAlloc = SAMPLE_ALLOC): ExecutedBlock {
  return sampleBlock(undefined, EMPTY_TRIE_ROOT, new MemoryState(), genesisDiff(alloc))
}

/** @param salt makes the transactions, and so the hash, another one. */
export function nextBlock(
  ledger: WritableLedger,
  diff: StateDiff,
  transactionCount = 0,
  salt = 0n,
): ExecutedBlock {
  const parent = { header: ledger.head(), hash: ledger.headHash() }
  const state = ledger.stateAt(parent.header.number)
  return sampleBlock(parent, parent.header.stateRoot, state, diff, transactionCount, salt)
}

/** A ledger on the genesis block of {@link genesisBlock}. */
/** @param trieBlocks 1: the tries of every block are stored. */
export function openSample(store: KeyValueStore, historyBlocks?: number, trieBlocks = 1): WritableLedger {
  const genesis = genesisBlock()
  return openLedger({
    store,
    chainId: CHAIN_ID,
    genesis,
    trieBlocks,
    ...(historyBlocks !== undefined && { historyBlocks }),
  })
}

/** A block that pays `count` accounts it makes up from its number, and creates code and storage now and then. */
export function appendBusyBlock(ledger: WritableLedger, count: number): ExecutedBlock {
  const number = ledger.head().number + 1n
  const code = bigintToFixedBytes(number, 8)
  const contract = wordToAddress((1n << 100n) + number)
  const accounts = new Map(
    Array.from({ length: count }, (_, index) => {
      const address = wordToAddress(BigInt(keccak256Hash(Uint8Array.of(index, Number(number % 5n)))))
      const former = ledger.stateAt(number - 1n).account(address)
      return [
        address,
        {
          nonce: (former?.nonce ?? 0n) + 1n,
          balance: (former?.balance ?? 0n) + number,
          storageRoot: EMPTY_TRIE_ROOT,
          codeHash: EMPTY_CODE_HASH,
        },
      ] as const
    }),
  )
  accounts.set(contract, {
    nonce: 1n,
    balance: 0n,
    storageRoot: EMPTY_TRIE_ROOT,
    codeHash: keccak256Hash(code),
  })
  const executed = nextBlock(
    ledger,
    {
      accounts,
      storage: new Map([
        [
          contract,
          new Map([
            [0n, number],
            [1n, number << 128n],
          ]),
        ],
      ]),
      clearedStorage: new Set(),
      codes: new Map([[keccak256Hash(code), code]]),
    },
    count,
    number,
  )
  ledger.append(executed)
  return executed
}

function sampleBlock(
  parent: { readonly header: Header; readonly hash: Hash } | undefined,
  parentRoot: Hash,
  state: StateReader & TrieNodeReader,
  stateDiff: StateDiff,
  transactionCount = 0,
  salt = 0n,
): ExecutedBlock {
  const { root, nodes, accounts } = commitState(state, parentRoot, stateDiff)
  const number = parent === undefined ? 0n : parent.header.number + 1n
  const transactions = Array.from({ length: transactionCount }, (_, index) =>
    sampleTransaction(number, BigInt(index), salt),
  )
  const receipts = transactions.map((_, index) => sampleReceipt(number, index))
  const withdrawals = [{ index: number, validatorIndex: 7n, address: wordToAddress(7n), amount: number }]
  const header: Header = {
    parentHash: parent?.hash ?? ZERO_HASH,
    ommersHash: EMPTY_OMMERS_HASH,
    beneficiary: ZERO_ADDRESS,
    stateRoot: root,
    transactionsRoot: transactionsRoot(transactions),
    receiptsRoot: receiptsRoot(receipts),
    logsBloom: mergeBlooms(receipts.map(({ logsBloom }) => logsBloom)),
    difficulty: 0n,
    number,
    gasLimit: 30_000_000n,
    gasUsed: receipts.at(-1)?.cumulativeGasUsed ?? 0n,
    timestamp: 1_700_000_000n + number,
    extraData: EMPTY_BYTES,
    prevRandao: wordToHash(number),
    nonce: new Uint8Array(8),
    baseFeePerGas: 7n,
    withdrawalsRoot: withdrawalsRoot(withdrawals),
    blobGasUsed: 0n,
    excessBlobGas: 0n,
    parentBeaconBlockRoot: ZERO_HASH,
    requestsHash: ZERO_HASH,
  }
  return {
    block: blockFromParts(header, transactions, withdrawals),
    senders: transactions.map((_, index) => wordToAddress(BigInt(index) + 1n)),
    receipts,
    stateDiff,
    trieDiff: nodes,
    accounts,
  }
}

function sampleTransaction(number: bigint, index: bigint, salt: bigint): Transaction {
  return transactionFromFields({
    type: 2,
    chainId: CHAIN_ID,
    nonce: number,
    maxPriorityFeePerGas: 1n,
    maxFeePerGas: 1_000_000_000n,
    gasLimit: 21_000n,
    to: index % 7n === 6n ? null : wordToAddress(index),
    value: 1n,
    data: EMPTY_BYTES,
    accessList: [],
    yParity: 0,
    r: BigInt(keccak256Hash(bigintToFixedBytes((number << 128n) + (index << 64n) + salt, 32))),
    s: 1n + index,
  })
}

function sampleReceipt(number: bigint, index: number): Receipt {
  const logs: Log[] =
    index % 3 === 0
      ? []
      : [
          {
            address: wordToAddress(0xc0den),
            topics: [wordToHash(1n << 250n), wordToHash(BigInt(index)), wordToHash(number)].slice(
              0,
              index % 4,
            ),
            data: new Uint8Array(index % 70),
          },
        ]
  return {
    type: 2,
    succeeded: index % 5 !== 4,
    cumulativeGasUsed: 21_000n * BigInt(index + 1),
    logsBloom: bloomOfLogs(logs),
    logs,
    gasUsed: 21_000n,
    effectiveGasPrice: 8n,
    contractAddress: index % 7 === 6 ? wordToAddress(number + BigInt(index)) : null,
  }
}
