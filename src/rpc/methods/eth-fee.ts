/** What a transaction costs now, and what it cost in the last blocks. */
import type { Hash } from '../../primitives/bytes.ts'
import type { Header } from '../../chain/block.ts'
import { rulesAt } from '../../chain/forks.ts'
import type { Receipt } from '../../chain/receipt.ts'
import { blobBaseFee, GAS_PER_BLOB, nextBaseFee, nextExcessBlobGas } from '../../execution/fees.ts'
import type { Backend } from '../backend.ts'
import { blobBaseFeeOf } from '../chain-view.ts'
import { quantity, type Json, type JsonRecord } from '../format.ts'
import type { MethodTable } from '../method.ts'
import { isAbsent, parseArray, parseLooseNumber, unexpected } from '../parse.ts'
import { parseBlockNumber, requireBlock, type BlockId } from '../parse-block.ts'
import { pauseOf, type Pause } from '../pause.ts'

/** Blocks of one fee history. */
const HISTORY_MAX = 1_024
const PERCENTILES_MAX = 100
/** Blocks that the suggested tip looks back at. */
const TIP_BLOCKS = 20n
/** The suggested tip in wei where no block has a transaction: what wallets are used to. */
const TIP_DEFAULT = 1_000_000_000n
/** Place of the suggested tip among the lowest ones that recent blocks took. */
const TIP_PERCENTILE = 60

export const methods = {
  eth_gasPrice: {
    params: [0, 0],
    run: (_, { backend }) => quantity(backend.nextEnvironment().baseFeePerGas + suggestedTip(backend)),
  },
  eth_maxPriorityFeePerGas: { params: [0, 0], run: (_, { backend }) => quantity(suggestedTip(backend)) },
  /** Of the next block, as the two below it. */
  eth_baseFee: { params: [0, 0], run: (_, { backend }) => quantity(backend.nextEnvironment().baseFeePerGas) },
  eth_blobBaseFee: {
    params: [0, 0],
    run: (_, { backend }) => quantity(backend.nextEnvironment().blobBaseFee),
  },
  eth_feeHistory: {
    params: [2, 3],
    run: ([count, newest, percentiles], context) =>
      feeHistory(
        context.backend,
        parseLooseNumber(count, 'blockCount', Number.MAX_SAFE_INTEGER),
        parseBlockNumber(newest, 'newestBlock'),
        isAbsent(percentiles) ? [] : parsePercentiles(percentiles, 'rewardPercentiles'),
        pauseOf(context),
      ),
  },
} as const satisfies MethodTable

/** Ascending numbers from 0 to 100. */
function parsePercentiles(value: unknown, where: string): number[] {
  let previous = 0
  return parseArray(value, where, PERCENTILES_MAX, (item, path) => {
    if (typeof item !== 'number' || !(item >= previous && item <= 100)) {
      throw unexpected(path, `a number from ${previous} to 100, not below the one before it`, item)
    }
    previous = item
    return item
  })
}

/** The last suggestion for each backend: wallets ask before every transaction, and it takes the receipts of 20 blocks. */
const suggestions = new WeakMap<Backend, { readonly headHash: Hash; readonly tip: bigint }>()

/** A tip per gas in wei that recent blocks would have taken. */
function suggestedTip(backend: Backend): bigint {
  const headHash = backend.ledger.headHash()
  const known = suggestions.get(backend)
  if (known?.headHash === headHash) return known.tip
  const tip = tipOfRecentBlocks(backend)
  suggestions.set(backend, { headHash, tip })
  return tip
}

function tipOfRecentBlocks({ ledger }: Backend): bigint {
  const head = ledger.head().number
  const tips: bigint[] = []
  for (let number = head; number > 0n && number > head - TIP_BLOCKS; number--) {
    const header = ledger.header(number)
    if (header === undefined || header.gasUsed === 0n) continue
    const lowest = effectiveTips(header, ledger.receipts(number) ?? [])[0]
    if (lowest !== undefined) tips.push(lowest.tip)
  }
  tips.sort((a, b) => (a < b ? -1 : 1))
  return tips[Math.floor(((tips.length - 1) * TIP_PERCENTILE) / 100)] ?? TIP_DEFAULT
}

interface Tip {
  /** In wei per gas. */
  readonly tip: bigint
  readonly gasUsed: bigint
}

/** What each transaction paid beyond the base fee, lowest first. */
function effectiveTips(header: Header, receipts: readonly Receipt[]): Tip[] {
  const baseFee = header.baseFeePerGas ?? 0n
  return receipts
    .map(({ effectiveGasPrice, gasUsed }) => ({ tip: effectiveGasPrice - baseFee, gasUsed }))
    .toSorted((a, b) => (a.tip < b.tip ? -1 : a.tip > b.tip ? 1 : 0))
}

async function feeHistory(
  backend: Backend,
  countAsked: number,
  newestId: BlockId,
  percentiles: readonly number[],
  pause: Pause,
): Promise<JsonRecord> {
  const { config, ledger } = backend
  const found = requireBlock(ledger, newestId)
  const newest = found === 'pending' ? ledger.head().number : found
  const count = BigInt(Math.min(countAsked, HISTORY_MAX, Number(newest) + 1))
  const oldest = newest - count + 1n
  const headers: Header[] = []
  for (let number = oldest; number <= newest; number++) {
    const header = ledger.header(number)
    if (header !== undefined) headers.push(header)
  }
  const last = headers.at(-1)
  const rewards: Json[] = []
  for (const header of percentiles.length === 0 ? [] : headers) {
    await pause()
    rewards.push(rewardsOf(header, ledger.receipts(header.number) ?? [], percentiles).map(quantity))
  }
  return {
    oldestBlock: quantity(last === undefined ? 0n : oldest),
    ...(percentiles.length > 0 && { reward: rewards }),
    baseFeePerGas: [
      ...headers.map((header) => quantity(header.baseFeePerGas ?? 0n)),
      ...(last === undefined ? [] : [quantity(nextBaseFee(last))]),
    ],
    gasUsedRatio: headers.map((header) => ratio(header.gasUsed, header.gasLimit)),
    baseFeePerBlobGas: [
      ...headers.map((header) => quantity(blobBaseFeeOf(header, config))),
      ...(last === undefined ? [] : [quantity(nextBlobBaseFee(last, backend))]),
    ],
    blobGasUsedRatio: headers.map((header) => {
      const max = BigInt(rulesAt(config, header.timestamp).blobs.max) * GAS_PER_BLOB
      return ratio(header.blobGasUsed ?? 0n, max)
    }),
  }
}

/** By the rules of the block itself: when the next one will be, and so its fork, is not known. */
function nextBlobBaseFee(header: Header, { config }: Backend): bigint {
  const rules = rulesAt(config, header.timestamp)
  return blobBaseFee(nextExcessBlobGas(header, rules), rules)
}

/** The tips at which the given percentages of the block's gas were used, cheapest first. */
function rewardsOf(header: Header, receipts: readonly Receipt[], percentiles: readonly number[]): bigint[] {
  const tips = effectiveTips(header, receipts)
  let index = 0
  let gasSoFar = tips[0]?.gasUsed ?? 0n
  return percentiles.map((percentile) => {
    const threshold = BigInt(Math.floor((Number(header.gasUsed) * percentile) / 100))
    while (gasSoFar < threshold && index < tips.length - 1) {
      index++
      gasSoFar += (tips[index] as Tip).gasUsed
    }
    return tips[index]?.tip ?? 0n
  })
}

function ratio(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number(part) / Number(whole)
}
