/**
 * Every member of a committee that has enough votes makes a certificate of them and sends it to all others. Of 51 members
 * each gets 50 copies, more messages than there are votes: what makes a network robust keeps a process with all of its
 * nodes busy. There one copy is enough, as long as nobody is broken; from then on the nodes do as they do everywhere.
 */
import type { InstanceHost } from '../../consensus/dual-bft/instances.ts'
import type { Clock } from '../../consensus/plugin.ts'
import type { CertificatesMessage, Message } from '../../consensus/simplex/messages.ts'
import type { Hash } from '../../primitives/bytes.ts'
import { CERTIFICATE_SENDERS } from '../bft/peer-ports.ts'

/** Whoever repeats a certificate after that has a reason. */
const FRESH_MS = 2_000
/** Certificates that are remembered: those of some hundred views. */
const SENT_MAX = 1_024

export class CertificateCopies {
  readonly #clock: Clock
  readonly #isWhole: () => boolean
  /** When a certificate of a statement was sent last, the longest ago first. */
  readonly #sentMs = new Map<string, number>()

  /** @param isWhole whether nobody is broken. */
  constructor(clock: Clock, isWhole: () => boolean) {
    this.#clock = clock
    this.#isWhole = isWhole
  }

  /** From how many members a follower gets a certificate: all that send it, when few do. */
  readonly senders = (): number => (this.#isWhole() ? Number.POSITIVE_INFINITY : CERTIFICATE_SENDERS)

  /** The host of one node, which sends no certificate to all that another has just sent to them. */
  around(host: InstanceHost): InstanceHost {
    return {
      open: async (instance) => {
        const ports = await host.open(instance)
        const { committeeHash } = instance.domain
        const { transport } = ports
        const broadcast = (message: Message): void => {
          if (message.kind !== 'certificates' || this.#isNews(committeeHash, message)) {
            transport.broadcast(message)
          }
        }
        return { ...ports, transport: { send: (to, message) => transport.send(to, message), broadcast } }
      },
      setCommittees: (committees) => host.setCommittees(committees),
    }
  }

  #isNews(committee: Hash, { certificates }: CertificatesMessage): boolean {
    if (!this.#isWhole()) return true
    const key = [committee, ...certificates.map(({ kind, view, hash }) => `${kind} ${view} ${hash}`)].join()
    const nowMs = this.#clock.nowMs()
    const sentMs = this.#sentMs.get(key)
    if (sentMs !== undefined && nowMs - sentMs < FRESH_MS) return false
    this.#sentMs.delete(key)
    this.#sentMs.set(key, nowMs)
    const [oldest] = this.#sentMs.keys()
    if (this.#sentMs.size > SENT_MAX && oldest !== undefined) this.#sentMs.delete(oldest)
    return true
  }
}
