/** The execution layer of a made chain (`sealed-chain.ts`): blocks that are headers only, and their proposals. */
import { EMPTY_OMMERS_HASH, encodeHeader } from '../../src/chain/block-codec.ts'
import type { Header } from '../../src/chain/block.ts'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import { type Committee } from '../../src/consensus/committees/committee.ts'
import { boundaryOf } from '../../src/consensus/committees/schedule.ts'
import type { BlockReference } from '../../src/consensus/plugin.ts'
import { makeBlock } from '../../src/consensus/simplex/proposal.ts'
import {
  GENESIS_VIEW,
  type Certificate,
  type Epoch,
  type Proposal,
  type Tip,
} from '../../src/consensus/simplex/types.ts'
import type { Seal } from '../../src/consensus/witness-layer/seal.ts'
import { EMPTY_BYTES, bytesToHash, ZERO_ADDRESS } from '../../src/primitives/bytes.ts'
import { present } from '../../src/primitives/assert.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { Prng } from './prng.ts'

import type { SealedChainMaker } from './sealed-chain.ts'

/** A final proposal of the execution layer. */
export interface ExecutedStep {
  readonly epoch: Epoch
  readonly proposal: Proposal
  readonly notarization: Certificate | undefined
  readonly finalization: Certificate | undefined
  /** `undefined` for a repeat. */
  readonly header: Uint8Array | undefined
}

/** The execution layer in a cycle, from some block on. Certificates are made when they are asked for. */
export class ExecutedCycle {
  readonly committee: Committee
  private readonly maker: SealedChainMaker
  private readonly firstNumber: number
  private readonly proposals: Proposal[] = []
  private readonly encoded: Uint8Array[] = []
  private readonly certificates: (Certificate | undefined)[] = []
  private readonly isCertified: boolean[] = []
  private takenCount = 0

  constructor(maker: SealedChainMaker, committee: Committee, cycle: number, root: BlockReference) {
    const { prng, plan } = maker
    const { parameters, uncertified } = plan
    this.maker = maker
    this.committee = committee
    this.firstNumber = Number(root.number) + 1
    const boundary = Number(boundaryOf(cycle, parameters))
    let parent: Tip = {
      view: GENESIS_VIEW,
      height: Number(root.number),
      hash: root.hash,
      payloadHash: root.hash,
    }
    for (let height = this.firstNumber; height <= boundary || this.isCertified.at(-1) === false; height++) {
      let payloadHash = parent.payloadHash
      let body: Uint8Array = EMPTY_BYTES
      if (height <= boundary) {
        const header = encodeHeader(headerOf(BigInt(height), parent.payloadHash, prng))
        this.encoded.push(header)
        payloadHash = keccak256Hash(header)
        body = header
      }
      const view = maker.nextView(parent.view)
      const fields = { view, parentView: parent.view, height, parentHash: parent.hash, payloadHash }
      const { proposal } = makeBlock(fields, body)
      this.proposals.push(proposal)
      this.isCertified.push(!prng.chance(uncertified))
      parent = proposal
    }
  }

  hashes(first: bigint, last: bigint): Seal['blocks'] {
    return this.between(this.proposals, first, last).map(({ payloadHash }) => payloadHash)
  }

  headers(first: bigint, last: bigint): Uint8Array[] {
    return this.between(this.encoded, first, last)
  }

  /** The lowest certificate that makes a block final. */
  proofOf(number: bigint): Pick<Seal, 'proposals' | 'finalization'> & { readonly height: number } {
    const start = Number(number) - this.firstNumber
    const end = this.isCertified.indexOf(true, start)
    const finalization = present(this.certificate(end), 'certificate')
    const proposals = this.proposals.slice(start, end + 1).toReversed()
    return { proposals, finalization, height: end + this.firstNumber }
  }

  /** What was not taken before, up to a height. */
  take(height: number): ExecutedStep[] {
    const from = this.takenCount
    this.takenCount = Math.max(from, height - this.firstNumber + 1)
    return this.proposals.slice(from, this.takenCount).map((proposal, index) => {
      const { plan } = this.maker
      const at = from + index
      // Only chains without signatures have them all: the others would take minutes.
      const isAll = !plan.isSigned
      return {
        epoch: this.committee.epoch,
        proposal,
        notarization:
          isAll && at % 2 === 0 ? this.maker.certify(this.committee, 'notarize', proposal) : undefined,
        finalization: isAll ? this.certificate(at) : this.certificates[at],
        header: this.encoded[at],
      }
    })
  }

  private certificate(at: number): Certificate | undefined {
    const proposal = this.proposals[at]
    if (proposal === undefined || this.isCertified[at] !== true) return undefined
    this.certificates[at] ??= this.maker.certify(this.committee, 'finalize', proposal)
    return this.certificates[at]
  }

  private between<T>(values: readonly T[], first: bigint, last: bigint): T[] {
    return values.slice(Number(first) - this.firstNumber, Number(last) - this.firstNumber + 1)
  }
}

function headerOf(number: bigint, parentHash: Header['parentHash'], prng: Prng): Header {
  const stateRoot = bytesToHash(prng.bytes(32))
  return {
    parentHash,
    ommersHash: EMPTY_OMMERS_HASH,
    beneficiary: ZERO_ADDRESS,
    stateRoot,
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: new Uint8Array(256),
    difficulty: 0n,
    number,
    gasLimit: 30_000_000n,
    gasUsed: 0n,
    timestamp: 1_700_000_000n + number,
    extraData: EMPTY_BYTES,
    prevRandao: stateRoot,
    nonce: new Uint8Array(8),
    baseFeePerGas: 7n,
    withdrawalsRoot: EMPTY_TRIE_ROOT,
    blobGasUsed: 0n,
    excessBlobGas: 0n,
    parentBeaconBlockRoot: stateRoot,
    requestsHash: EMPTY_TRIE_ROOT,
  }
}
