/**
 * Gives instances of consensus their place in a node: messages from and to its network, a log, the thread that checks
 * signatures. Sorts what comes from peers: to the instance that it is for; to the archive when its epoch is over; kept
 * for a moment when its epoch has not begun here.
 */
import type { NodeId } from '../../consensus/election/election.ts'
import { seatOf, type Committee } from '../../consensus/committees/committee.ts'
import type { InstanceDescription, InstanceHost, InstancePorts } from '../../consensus/dual-bft/instances.ts'
import type { Clock } from '../../consensus/plugin.ts'
import { WireError } from '../../consensus/simplex/binary.ts'
import {
  addressOf,
  isQuestion,
  kindOf,
  wireContext,
  type decodeMessage,
} from '../../consensus/simplex/wire.ts'
import type { MessageClass } from '../../network/message-classes.ts'
import { TokenBucket } from '../../network/token-bucket.ts'
import type { Transport } from '../../network/transport.ts'
import { hexToBytes } from '../../primitives/bytes.ts'
import { EarlyMessages } from './early-messages.ts'
import { noLog, type InstanceLogs } from './instance-logs.ts'
import { PeerPorts, type ByteBudget, type Followers } from './peer-ports.ts'
import type { SignatureVerifier } from './verifier.ts'

/** Answers from the archive to one peer. A node that catches up asks one question at a time. */
const ANSWERS_PER_SECOND = 10
const ANSWERS_BURST = 20
/** The bytes of all answers with blocks to one peer: each is up to 4 MiB, read and encoded on the main thread. */
const ANSWER_BYTES_PER_SECOND = 8 << 20
const ANSWER_BYTES_BURST = 32 << 20
/** Of proposals of one leader: several full ones a second, and as many as may have waited while the node was away. */
const PROPOSAL_BYTES_PER_SECOND = 16 << 20
const PROPOSAL_BYTES_BURST = 64 << 20
/**
 * Of an epoch that is over, from one peer: a member that was away goes through it from its beginning, and votes, repeats
 * itself and gives views up until it has come to the end. More than that nothing explains.
 */
const STALE_PER_SECOND = 50
const STALE_BURST = 500
/** What is early by more epochs than the next cycle and its first committees is not worth keeping. */
const LEAD_MAX = 256

export interface InstanceHostOptions {
  readonly network: Pick<Transport, 'self' | 'send' | 'broadcast' | 'report' | 'setMembers'>
  /** Shared by all instances, and by all nodes of a process. Stays open. */
  readonly verifier: Pick<SignatureVerifier, 'open'>
  /** Reads messages; `decodeMessage` by default. */
  readonly decode?: typeof decodeMessage
  /** From how many members each follower gets a certificate. */
  readonly logs: InstanceLogs
  readonly clock: Clock
  /** Bytes that no running instance takes; what `DualBft` makes of them. */
  answerFromArchive(bytes: Uint8Array): Uint8Array | undefined
  /** Why a log cannot be written: the instance halts, and the node should say why. */
  onLogFailure(error: unknown): void
}

type Address = ReturnType<typeof addressOf>

interface Instance {
  readonly committee: Committee
  readonly ports: PeerPorts
  /** Whether whoever asked for it had the time to make what receives its messages. */
  isListening: boolean
}

/** What a peer may still do: have answers, propose, and speak about epochs that are over. */
interface PeerRates {
  readonly answers: TokenBucket
  readonly bytes: TokenBucket
  readonly proposals: TokenBucket
  readonly stale: TokenBucket
}

export class NetworkInstances implements InstanceHost {
  readonly #options: InstanceHostOptions
  readonly #instances = new Set<Instance>()
  readonly #early = new EarlyMessages()
  readonly #connected = new Set<NodeId>()
  readonly #rates = new Map<NodeId, PeerRates>()
  #members: ReadonlySet<NodeId> = new Set()
  #executors: ReadonlySet<NodeId> = new Set()
  /** Worked out when it is needed, and again after somebody came or went. */
  readonly #followers = new Map<Committee, Followers>()
  /** One for all instances and the archive. */
  readonly #answerBudget = this.#budget(({ bytes }) => bytes)
  readonly #proposalBudget = this.#budget(({ proposals }) => proposals)

  constructor(options: InstanceHostOptions) {
    this.#options = options
  }

  async open({ committee, domain, self, receive }: InstanceDescription): Promise<InstancePorts> {
    const { network, verifier, logs, decode, onLogFailure } = this.#options
    const context = wireContext(committee.shape, domain)
    const opened = self === undefined ? noLog() : await logs.open(context, onLogFailure)
    const publicKeys = committee.members.map((member) => hexToBytes(member))
    const checks = verifier.open({ domain, publicKeys })
    const ports = new PeerPorts({
      network,
      context,
      committee: committee.members,
      followers: () => this.#followersOf(committee),
      answers: this.#answerBudget,
      proposals: this.#proposalBudget,
      ...(decode === undefined ? {} : { decode }),
      receive,
    })
    const instance: Instance = { committee, ports, isListening: false }
    this.#instances.add(instance)
    setImmediate(() => this.#listen(instance))
    const end = (): void => {
      this.#instances.delete(instance)
      this.#followers.delete(committee)
      checks.close()
    }
    return {
      transport: ports,
      log: opened.log,
      verify: (request, onResult) => checks.verify(request, onResult),
      records: opened.records,
      abstainThrough: opened.abstainThrough,
      blame: (peer, reason) => ports.blame(peer, reason),
      retire: async () => {
        end()
        await opened.remove()
      },
      close: async () => {
        end()
        await opened.close()
      },
    }
  }

  setCommittees(committees: readonly Committee[]): void {
    this.#members = new Set(committees.flatMap(({ members }) => members))
    const executing = committees.filter(({ layer }) => layer === 'execution')
    this.#executors = new Set(executing.flatMap(({ members }) => members))
    this.#followers.clear()
    this.#options.network.setMembers([...this.#members])
  }

  /** The others who make blocks; nobody for a node outside the committees, which has no direct way to them. */
  executors(): readonly NodeId[] {
    const { self } = this.#options.network
    return this.#members.has(self) ? [...this.#executors].filter((node) => node !== self) : []
  }

  // ---- What the transport tells ------------------------------------------------------------------------------------

  onMessage(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): void {
    for (const { isListening, ports } of this.#instances) {
      if (isListening && ports.accept(peer, messageClass, bytes)) return
    }
    const about = addressIn(bytes)
    const lead = about === undefined ? -1 : this.#leadOf(about)
    // A node that is far behind hears of later epochs all the time: nobody is to blame for that.
    if (lead >= 0) {
      if (lead <= LEAD_MAX) this.#early.keep({ peer, messageClass, bytes }, this.#members.has(peer))
      return
    }
    // Members ask about certificates on the stream for votes.
    const isUseful = isQuestion(kindOf(bytes)) ? this.#answer(peer, bytes) : this.#mayBeStale(peer)
    if (about === undefined || !isUseful) this.#options.network.report(peer, 'useless')
  }

  onPeerUp(peer: NodeId): void {
    this.#connected.add(peer)
    this.#followers.clear()
  }

  onPeerDown(peer: NodeId): void {
    this.#connected.delete(peer)
    this.#followers.clear()
    this.#rates.delete(peer)
    this.#early.forget(peer)
    for (const { ports } of this.#instances) ports.peerDown(peer)
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------

  #listen(instance: Instance): void {
    if (!this.#instances.has(instance)) return
    instance.isListening = true
    for (const { peer, messageClass, bytes } of this.#early.take()) this.onMessage(peer, messageClass, bytes)
  }

  /** By how many epochs a message is too early; negative when it is not. */
  #leadOf(about: Address): number {
    let newest = -1
    for (const { committee, isListening } of this.#instances) {
      const { layer, epoch } = committee
      // For the one that is about to listen it is early by nothing.
      if (layer === about.layer) newest = Math.max(newest, isListening ? epoch + 1 : epoch)
    }
    // Before there is any, all are early: the node has just been started.
    return newest < 0 ? 0 : about.epoch - newest
  }

  /** True also when the peer asked for too much: whoever is honest asks somebody else next. */
  #answer(peer: NodeId, question: Uint8Array): boolean {
    const nowMs = this.#options.clock.nowMs()
    if (!this.#ratesOf(peer).answers.tryTake(1, nowMs)) {
      this.#options.network.report(peer, 'flood')
      return true
    }
    if (!this.#answerBudget.hasRoom(peer)) return true
    const answer = this.#options.answerFromArchive(question)
    if (answer === undefined) return false
    this.#answerBudget.spend(peer, answer.length)
    this.#options.network.send(peer, 'sync', answer)
    return true
  }

  #mayBeStale(peer: NodeId): boolean {
    return this.#ratesOf(peer).stale.tryTake(1, this.#options.clock.nowMs())
  }

  #ratesOf(peer: NodeId): PeerRates {
    const known = this.#rates.get(peer)
    if (known !== undefined) return known
    const nowMs = this.#options.clock.nowMs()
    const rates = {
      answers: new TokenBucket(ANSWERS_PER_SECOND, ANSWERS_BURST, nowMs),
      bytes: new TokenBucket(ANSWER_BYTES_PER_SECOND, ANSWER_BYTES_BURST, nowMs),
      proposals: new TokenBucket(PROPOSAL_BYTES_PER_SECOND, PROPOSAL_BYTES_BURST, nowMs),
      stale: new TokenBucket(STALE_PER_SECOND, STALE_BURST, nowMs),
    }
    this.#rates.set(peer, rates)
    return rates
  }

  #budget(of: (rates: PeerRates) => TokenBucket): ByteBudget {
    const now = (): number => this.#options.clock.nowMs()
    return {
      hasRoom: (node) => of(this.#ratesOf(node)).tryTake(0, now()),
      spend: (node, bytes) => of(this.#ratesOf(node)).take(bytes, now()),
    }
  }

  #followersOf(committee: Committee): Followers {
    const known = this.#followers.get(committee)
    if (known !== undefined) return known
    const { self } = this.#options.network
    const isOutside = (node: NodeId): boolean => node !== self && seatOf(committee, node) === undefined
    const followers = {
      members: [...this.#members].filter(isOutside),
      guests: [...this.#connected].filter((node) => !this.#members.has(node) && isOutside(node)),
    }
    this.#followers.set(committee, followers)
    return followers
  }
}

/** Whom a message is for; `undefined` for bytes that are no message. */
function addressIn(bytes: Uint8Array): Address | undefined {
  try {
    return addressOf(bytes)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}
