/** What must hold in a world of both layers, whatever goes wrong; always watched. */
import type { Block as ChainBlock } from '../../../src/chain/block.ts'
import {
  attemptOf,
  cycleOfEpoch,
  makeCommittee,
  slotOf,
  type Committee,
} from '../../../src/consensus/committees/committee.ts'
import {
  boundaryOf,
  cycleOf,
  electSeats,
  snapshotOf,
  type Seats,
} from '../../../src/consensus/committees/schedule.ts'
import type { EpochStart, SealRecord } from '../../../src/consensus/dual-bft/consensus-store.ts'
import type { ConsensusEvent } from '../../../src/consensus/dual-bft/dual-bft.ts'
import { firstRandomness, revealMessage, seedOfAttempt } from '../../../src/consensus/election/randomness.ts'
import { boundedMemory, requestRate } from './bounds.ts'
import { bitmapIsQuorum } from './certified.ts'
import { electWitnesses, type NodeId } from '../../../src/consensus/election/election.ts'
import { isOffence } from '../../../src/consensus/simplex/evidence.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import type { Certificate, Epoch, Layer, Proposal, Statement } from '../../../src/consensus/simplex/types.ts'
import { lastOf } from '../../../src/consensus/witness-layer/seal.ts'
import { isSameSeats } from '../../../src/consensus/witness-layer/seal-rules.ts'
import type { CommitState } from '../../../src/execution/ledger.ts'
import { hexToBytes, ZERO_HASH, type Hash } from '../../../src/primitives/bytes.ts'
import { stubScheme } from '../stub-scheme.ts'
import { describeStatement, short } from '../trace.ts'
import { GENESIS, numbersOf } from './ledger.ts'
import { nameOf, type DualNode, type OpenInstance } from './node.ts'
import type { DualWorld } from './world.ts'

export interface DualChecker {
  /** A message of an honest node, before the network has it. */
  onSent?(node: DualNode, instance: OpenInstance, message: Message): void
  onEvent?(node: DualNode, event: ConsensusEvent): void
  /** The node's store has … */
  onEpoch?(node: DualNode, start: EpochStart): void
  onFinal?(node: DualNode, epoch: Epoch, proposal: Proposal, finalization: Certificate | undefined): void
  onSealed?(node: DualNode, epoch: Epoch, record: SealRecord): void
  /** … for a proposal that it stored without. */
  onProven?(node: DualNode, layer: Layer, epoch: Epoch, finalization: Certificate): void
  /** … and its ledger. */
  onCommitted?(node: DualNode, block: ChainBlock, state: CommitState): void
  onAdvanced?(node: DualNode, state: CommitState, number: number): void
  /** From time to time. */
  sample?(): void
  end?(): void
}

export type MakeDualChecker = (world: DualWorld) => DualChecker

/** The first to say something under a key decides; whoever says something else breaks the promise. */
class Agreed {
  private readonly world: DualWorld
  private readonly checker: string
  private readonly values = new Map<string, string>()

  constructor(world: DualWorld, checker: string) {
    this.world = world
    this.checker = checker
  }

  note(node: DualNode, key: string, value: string): void {
    const first = this.values.get(key)
    if (first === undefined) this.values.set(key, value)
    else if (first !== value) {
      this.world.violate(this.checker, `${key} is ${short(first)} to others, ${short(value)} to ${node.name}`)
    }
  }

  get(key: string): string | undefined {
    return this.values.get(key)
  }
}

/** One chain of proposals an epoch and layer; one chain of final blocks, one of seals, one of committees. */
const agreement: MakeDualChecker = (world) => {
  const agreed = new Agreed(world, 'agreement')
  // Where a quorum of executors is wrong, what they make final is worth nothing before it is sealed.
  const isFinalAgreed = !world.plan.isCollusion
  return {
    onEpoch(node, { layer, epoch, members, root }) {
      agreed.note(
        node,
        `root of ${nameOf({ layer, epoch })}`,
        `${root.height} ${root.hash} ${root.payloadHash}`,
      )
      agreed.note(node, `members of ${nameOf({ layer, epoch })}`, members.join())
    },
    onFinal(node, epoch, { height, hash }) {
      if (isFinalAgreed) agreed.note(node, `proposal ${height} of execution-${epoch}`, hash)
    },
    onSealed(node, epoch, { proposal: { height, hash }, sealed }) {
      agreed.note(node, `proposal ${height} of witness-${epoch}`, hash)
      if (sealed === undefined) return
      const { seal, randomness } = sealed
      for (const [index, block] of seal.blocks.entries()) {
        agreed.note(node, `sealed block ${seal.first + BigInt(index)}`, block)
      }
      agreed.note(node, `randomness after block ${lastOf(seal)} of epoch ${epoch}`, randomness)
    },
    onCommitted(node, { header, hash }, state) {
      if (state !== 'preconfirmed' && isFinalAgreed) agreed.note(node, `final block ${header.number}`, hash)
    },
    onAdvanced(node, state, number) {
      const hash = node.ledger.block(number)?.hash
      if (hash !== undefined && state !== 'preconfirmed' && isFinalAgreed)
        agreed.note(node, `final block ${number}`, hash)
      if (hash !== undefined && state === 'sealed') agreed.note(node, `sealed block ${number}`, hash)
    },
  }
}

/**
 * Nothing is sealed without both quorums. Who serves is worked out from the registry and the reveals, not from what nodes
 * believe; certificates are verified with those keys.
 */
const bothQuorums: MakeDualChecker = (world) => {
  const committees = new Map<string, Committee>()
  const links = new Links()
  /** By node and epoch: seals that wait for the certificate of a later one. */
  const open = new Map<string, Proposal[]>()

  const elected = (cycle: number): Seats => {
    const snapshot = snapshotOf(cycle, world.parameters)
    return electSeats(world.registry.at(snapshot), world.parameters, cycle, links.at(snapshot))
  }
  const committeeOf = (layer: Layer, epoch: Epoch): Committee => {
    const known = committees.get(nameOf({ layer, epoch }))
    if (known !== undefined) return known
    if (attemptOf(epoch) > 0) return world.violate('election', `nobody entered epoch ${epoch}`)
    const { executors, witnesses } = elected(cycleOfEpoch(epoch))
    const committee = makeCommittee(GENESIS.hash, layer, epoch, layer === 'execution' ? executors : witnesses)
    committees.set(nameOf({ layer, epoch }), committee)
    return committee
  }
  /** An epoch that is not the first of its cycle, or comes after a cycle that had several. */
  const enterAgain = (node: DualNode, { layer, epoch, members, root }: EpochStart): void => {
    const name = nameOf({ layer, epoch })
    const cycle = cycleOfEpoch(epoch)
    const rootNumber = BigInt(node.ledger.numberOf(root.payloadHash) ?? 0)
    if (committees.has(name)) return
    if (layer === 'witness') links.cut(epoch, rootNumber)
    const isFirst = cycle > 0 && rootNumber === boundaryOf(cycle - 1, world.parameters)
    const { executors, witnesses } = elected(cycle)
    // Members of a committee that was wrong together are replaced by whom its certificate leaves over: the product's own
    // tests look at that. Witnesses are drawn by the same link with another seed.
    const regular = layer === 'execution' ? executors : witnesses
    const again = layer === 'execution' ? members : redraw(world, epoch, links.at(rootNumber))
    const isRegular = isFirst && regular.join() === members.join()
    committees.set(name, makeCommittee(GENESIS.hash, layer, epoch, isRegular ? regular : again))
  }
  const require = (
    node: DualNode,
    layer: Layer,
    epoch: Epoch,
    certificate: Certificate,
    what: string,
  ): void => {
    if (bitmapIsQuorum(world, committeeOf(layer, epoch), certificate)) return
    world.violate('both-quorums', `${node.name}: ${what} has no quorum of ${nameOf({ layer, epoch })}`)
  }

  return {
    onFinal(node, epoch, proposal, finalization) {
      if (finalization !== undefined)
        require(node, 'execution', epoch, finalization, `block ${proposal.height}`)
    },
    onProven(node, layer, epoch, finalization) {
      require(node, layer, epoch, finalization, 'what it has stored')
    },
    onSealed(node, epoch, { proposal, finalization, sealed }) {
      const key = `${node.id} ${epoch}`
      const waiting = [...(open.get(key) ?? []), proposal]
      open.set(key, finalization === undefined ? waiting : [])
      if (finalization !== undefined) {
        if (finalization.hash !== proposal.hash || finalization.kind !== 'finalize') {
          world.violate('both-quorums', `${node.name}: the certificate of a seal is another's`)
        }
        require(node, 'witness', epoch, finalization, `seal ${proposal.height}`)
      }
      if (sealed === undefined) return
      const { seal, randomness } = sealed
      links.add(epoch, lastOf(seal), randomness)
      require(node, 'execution', seal.executionEpoch, seal.finalization, `the proof of block ${lastOf(seal)}`)
      const [first] = seal.proposals
      const isLinked = seal.proposals.every(({ hash }, index) => {
        const child = seal.proposals[index - 1]
        return child === undefined || child.parentHash === hash
      })
      const isProof = seal.finalization.kind === 'finalize' && seal.finalization.hash === first?.hash
      if (!isLinked || !isProof || seal.proposals.at(-1)?.payloadHash !== seal.blocks.at(-1)) {
        world.violate(
          'both-quorums',
          `${node.name}: the proof of block ${lastOf(seal)} proves something else`,
        )
      }
      if (cycleOfEpoch(seal.executionEpoch) !== cycleOf(lastOf(seal), world.parameters)) {
        world.violate('both-quorums', `${node.name}: block ${lastOf(seal)} is vouched for by another epoch`)
      }
      const cycle = cycleOfEpoch(epoch)
      const { members } = committeeOf('witness', epoch)
      const committer = members[proposal.view % members.length]
      const message = revealMessage(BigInt(cycle), slotOf(epoch, proposal.view))
      const isRevealed =
        committer !== undefined && stubScheme.keyring([hexToBytes(committer)]).verify(0, message, seal.reveal)
      if (!isRevealed)
        world.violate('reveal', `${node.name}: the seal of view ${proposal.view} reveals nothing`)
      const isBoundary = lastOf(seal) === boundaryOf(cycle, world.parameters)
      if ((seal.handover !== undefined) !== isBoundary) {
        world.violate('handover', `${node.name}: a seal up to ${lastOf(seal)} hands over at the wrong moment`)
      }
      if (seal.handover !== undefined) {
        if (!isSameSeats(elected(cycle + 1), seal.handover)) {
          world.violate(
            'handover',
            `${node.name}: the seal of block ${lastOf(seal)} names the wrong successors`,
          )
        }
      }
    },
    onEpoch(node, start) {
      const { layer, epoch, members } = start
      if (attemptOf(epoch) > 0) enterAgain(node, start)
      if (committeeOf(layer, epoch).members.join() !== members.join()) {
        world.violate('election', `${node.name} enters ${nameOf(start)} with the wrong members`)
      }
    },
  }
}

/** The chain of randomness after each seal. What an attempt of the witnesses sealed beyond the root of the next is void. */
class Links {
  private readonly byEnd = new Map<bigint, { readonly epoch: Epoch; readonly randomness: Hash }>()
  private readonly cuts: { readonly epoch: Epoch; readonly root: bigint }[] = []

  add(epoch: Epoch, end: bigint, randomness: Hash): void {
    if (!this.cuts.some((cut) => epoch < cut.epoch && end > cut.root))
      this.byEnd.set(end, { epoch, randomness })
  }

  cut(epoch: Epoch, root: bigint): void {
    this.cuts.push({ epoch, root })
    for (const [end, link] of this.byEnd) if (end > root && link.epoch < epoch) this.byEnd.delete(end)
  }

  /** After the last seal that ends at or before a block. */
  at(number: bigint): Hash {
    const ends = [...this.byEnd.keys()].filter((end) => end <= number)
    const last = ends.reduce((a, b) => (a > b ? a : b), 0n)
    return this.byEnd.get(last)?.randomness ?? firstRandomness(GENESIS.hash)
  }
}

function redraw(world: DualWorld, epoch: Epoch, link: Hash): readonly NodeId[] {
  const { parameters, registry } = world
  const cycle = cycleOfEpoch(epoch)
  const seed = seedOfAttempt(link, BigInt(cycle), attemptOf(epoch))
  return electWitnesses(registry.at(snapshotOf(cycle, parameters)), parameters.witnessSeats, seed)
}

/** The sealed chain is a part of the final one, without gaps and within the ranges; epochs end where they must. */
const sealedIsFinal: MakeDualChecker = (world) => {
  const sealedUpTo = new Map<number, bigint>()
  return {
    onEpoch(node, { layer, epoch, root }) {
      // Witnesses that were drawn anew seal again from the last seal that all know of.
      if (layer !== 'witness' || attemptOf(epoch) === 0) return
      sealedUpTo.set(node.id, BigInt(node.ledger.numberOf(root.payloadHash) ?? 0))
    },
    onSealed(node, epoch, { sealed }) {
      if (sealed === undefined) return
      const { seal } = sealed
      const before = sealedUpTo.get(node.id) ?? 0n
      sealedUpTo.set(node.id, lastOf(seal))
      if (seal.first !== before + 1n) {
        world.violate('sealed-is-final', `${node.name} seals block ${seal.first} after ${before}`)
      }
      const { rangeBlocks } = world.parameters
      if (seal.blocks.length > rangeBlocks || seal.blocks.length === 0) {
        world.violate('sealed-is-final', `${node.name} seals ${seal.blocks.length} blocks at once`)
      }
      if (
        cycleOf(seal.first, world.parameters) !== cycleOfEpoch(epoch) ||
        lastOf(seal) > boundaryOf(cycleOfEpoch(epoch), world.parameters)
      ) {
        world.violate(
          'boundary',
          `${node.name}: epoch ${epoch} seals blocks ${seal.first} to ${lastOf(seal)}`,
        )
      }
      for (const [index, hash] of seal.blocks.entries()) {
        const number = Number(seal.first) + index
        if (number > node.ledger.height('final') || node.ledger.block(number)?.hash !== hash) {
          world.violate('sealed-is-final', `${node.name} seals block ${number}, which is not final there`)
        }
      }
    },
    onFinal(node, epoch, { height, payloadHash }) {
      const boundary = Number(boundaryOf(cycleOfEpoch(epoch), world.parameters))
      const number = node.ledger.numberOf(payloadHash)
      const expected = Math.min(height, boundary)
      if (number === expected || node.isByzantine) return
      world.violate('boundary', `${node.name}: proposal ${height} of epoch ${epoch} is block ${number}`)
    },
  }
}

/** No block is farther above the seal that it refers to than the window, and it refers to a real seal. */
const window: MakeDualChecker = (world) => {
  const ends = new Map([[GENESIS.hash, { number: 0n, randomness: new Set([firstRandomness(GENESIS.hash)]) }]])
  /** Final blocks whose seal nobody had written down yet. */
  const early: { readonly node: DualNode; readonly block: ChainBlock }[] = []
  const seen = new Set<Hash>()

  /** Blocks above another one that call for other witnesses, by the definition. Each adds one to the window. */
  const triggersAbove = (node: DualNode, reference: bigint, number: bigint): number => {
    const { resetSeconds, windowBlocks } = world.parameters
    const timeOf = (at: bigint): bigint => node.ledger.block(Number(at))?.header.timestamp ?? 0n
    const triggers: bigint[] = []
    for (let at = 1n; at <= number; at++) {
      const root = node.ledger.block(Number(at))?.header.parentBeaconBlockRoot ?? ZERO_HASH
      const own = ends.get(root)?.number ?? at
      if (at - own <= BigInt(windowBlocks)) continue
      const last = triggers.findLast((trigger) => trigger > own)
      if (timeOf(at) - timeOf(last ?? own + 1n) >= BigInt(resetSeconds)) triggers.push(at)
    }
    return triggers.filter((trigger) => trigger > reference).length
  }

  const judge = (node: DualNode, { header, hash }: ChainBlock): boolean => {
    const reference = ends.get(header.parentBeaconBlockRoot ?? ZERO_HASH)
    if (reference === undefined) return false
    seen.add(hash)
    const distance = header.number - reference.number
    const excess = distance - BigInt(world.parameters.windowBlocks)
    if (distance <= 0n || (excess > 0n && excess > triggersAbove(node, reference.number, header.number))) {
      world.violate(
        'window',
        `${node.name}: block ${header.number} is ${distance} above the seal it refers to`,
      )
    }
    if (!reference.randomness.has(header.prevRandao)) {
      world.violate('window', `${node.name}: block ${header.number} has another randomness than its seal`)
    }
    return true
  }
  const watch = (node: DualNode, number: number): void => {
    const block = node.ledger.block(number)
    if (block === undefined || node.isByzantine || number === 0 || seen.has(block.hash)) return
    if (!judge(node, block)) early.push({ node, block })
  }
  return {
    onSealed(_, __, { sealed }) {
      if (sealed === undefined) return
      const { seal, randomness } = sealed
      const last = seal.blocks.at(-1)
      if (last === undefined) return
      const known = ends.get(last) ?? { number: lastOf(seal), randomness: new Set() }
      ends.set(last, known)
      known.randomness.add(randomness)
    },
    onCommitted: (node, { header }, state) => {
      if (state !== 'preconfirmed') watch(node, Number(header.number))
    },
    onAdvanced: (node, _, number) => watch(node, number),
    end() {
      for (const { node, block } of early) {
        if (!judge(node, block)) {
          world.violate('window', `${node.name}: block ${block.header.number} refers to what is no seal`)
        }
      }
    },
  }
}

/** What was acknowledged as sealed is there at the end, at every honest node, once. */
const nothingIsLost: MakeDualChecker = (world) => {
  const acknowledged = new Map<number, Hash>()
  return {
    onAdvanced(node, state, number) {
      if (state !== 'sealed' || node.isByzantine) return
      for (let at = number; at > 0 && !acknowledged.has(at); at--) {
        const hash = node.ledger.block(at)?.hash
        if (hash !== undefined) acknowledged.set(at, hash)
      }
    },
    end() {
      for (const node of world.honest) {
        const sealedHeight = node.ledger.height('sealed')
        const seen = new Set<number>()
        for (let number = 1; number <= sealedHeight; number++) {
          const block = node.ledger.block(number)
          if (block === undefined || block.hash !== acknowledged.get(number)) {
            world.violate('loss', `${node.name} has lost sealed block ${number}`)
          }
          for (const transaction of block === undefined ? [] : numbersOf(block)) {
            if (seen.has(transaction)) world.violate('loss', `transaction ${transaction} was sealed twice`)
            seen.add(transaction)
          }
        }
      }
    },
  }
}

/** No honest node ever says two things that convict it; evidence convicts liars only. */
const honestStatements: MakeDualChecker = (world) => {
  const said = new Map<string, Statement[]>()
  return {
    onSent(node, { committee, self }, message) {
      const statement = statementOf(message)
      if (statement === undefined) return
      if (self === undefined) world.violate('honest-statements', `${node.name} speaks without a seat`)
      const key = `${node.id} ${nameOf(committee)} ${statement.view}`
      const earlier = said.get(key) ?? []
      said.set(key, earlier)
      if (earlier.some(({ kind, hash }) => kind === statement.kind && hash === statement.hash)) return
      for (const other of earlier) {
        if (!isOffence(other, statement)) continue
        world.violate(
          'honest-statements',
          `${node.name} says ${describeStatement(other)} and ${describeStatement(statement)} in ${nameOf(committee)}`,
        )
      }
      earlier.push(statement)
    },
    onEvent(node, event) {
      if (event.kind === 'conflict' && !node.isByzantine) {
        world.violate('halt', `${node.name} finds a quorum in conflict about block ${event.number}`)
      }
      if (event.kind !== 'evidence' || node.isByzantine) return
      const { first } = event.evidence
      const member = event.committee.members[first.signer]
      const accused = member === undefined ? undefined : world.nodes[world.nodeOfKey(member)]
      if (accused?.isByzantine === true) return
      world.violate(
        'honest-statements',
        `${node.name} has evidence against ${accused?.name}, which is honest`,
      )
    },
  }
}

function statementOf(message: Message): Statement | undefined {
  if (message.kind === 'vote') return message.vote
  if (message.kind !== 'propose') return undefined
  const { view, hash } = message.block.proposal
  return { kind: 'propose', view, hash }
}

/** Who goes on to the next cycle can prove how the one before ended. */
const provenEnds: MakeDualChecker = (world) => ({
  onEpoch(node, { layer, epoch, root }) {
    const { store } = node
    const before = store.epochs(layer).findLast((start) => start.epoch < epoch)
    if (before === undefined || cycleOfEpoch(before.epoch) === cycleOfEpoch(epoch)) return
    if (store[layer](before.epoch).finalizationAtOrAbove(root.height) !== undefined) return
    world.violate('proof', `${node.name} has nothing that proves the end of ${nameOf(before)}`)
  },
})

const CHECKERS: readonly MakeDualChecker[] = [
  agreement,
  bothQuorums,
  sealedIsFinal,
  window,
  nothingIsLost,
  honestStatements,
  provenEnds,
  requestRate,
  boundedMemory,
]

export function makeDualCheckers(world: DualWorld): DualChecker[] {
  return CHECKERS.map((make) => make(world))
}
