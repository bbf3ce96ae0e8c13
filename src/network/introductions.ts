/**
 * Connections whose peers have not introduced themselves yet. Each has a few seconds for it; streams that arrive earlier
 * wait here for the link. Whoever dialled opens the control stream, then both sides say hello at once.
 */
import type { Connection, Stream } from '@libp2p/interface'
import type { NodeId } from '../consensus/election/election.ts'
import type { Clock } from '../consensus/plugin.ts'
import { NETWORK_VERSION, type ControlMessage, type GoodbyeReason } from './control-messages.ts'
import { CONTROL_PROTOCOL, ControlStream } from './control-stream.ts'
import { judgeHello, type IntroductionRules } from './introduction.ts'
import type { Link } from './link.ts'
import type { SignedPeerRecord } from './peer-record.ts'

const HELLO_TIMEOUT_MS = 5_000
/** The time a goodbye is given to arrive. */
const CLOSE_MS = 200
/** Connections without an introduction; more are closed at once. */
const PENDING_MAX = 128

export interface IntroductionsOwner {
  readonly clock: Clock
  readonly rules: IntroductionRules
  readonly peerId: string
  /** Our own record, encoded. */
  ownRecord(): Uint8Array
  admit(connection: Connection, control: ControlStream, record: SignedPeerRecord): Link | GoodbyeReason
  onRefused(peer: string, reason: GoodbyeReason): void
  onRefusedByPeer(peer: string, reason: GoodbyeReason): void
}

interface Session {
  readonly ready: Promise<Link | undefined>
  /** Called once; later calls do nothing. */
  readonly settle: (link: Link | undefined) => void
  isPending: boolean
  hasControl: boolean
}

export class Introductions {
  readonly #owner: IntroductionsOwner
  /** By the connection's id. */
  readonly #sessions = new Map<string, Session>()
  #pending = 0

  constructor(owner: IntroductionsOwner) {
    this.#owner = owner
  }

  /** Resolves with the link, or with `undefined` when there will be none. */
  async linkOf(connection: Connection): Promise<Link | undefined> {
    return this.#session(connection).ready
  }

  onOpen(connection: Connection): void {
    if (this.#pending >= PENDING_MAX && connection.direction === 'inbound') {
      connection.abort(new Error('too many connections without an introduction'))
      return
    }
    this.#session(connection)
  }

  onClose(connection: Connection): void {
    this.#sessions.get(connection.id)?.settle(undefined)
    this.#sessions.delete(connection.id)
  }

  /** The peer dialled and opened the control stream. */
  onControlStream(stream: Stream, connection: Connection): void {
    const session = this.#session(connection)
    if (session.hasControl || connection.direction === 'outbound') {
      stream.abort(new Error('one control stream, opened by who dialled'))
      return
    }
    this.#greet(session, stream, connection)
  }

  /** We dialled. Returns whom we found, once they are let in; our own id when it was us. */
  async introduce(connection: Connection): Promise<NodeId | undefined> {
    if (connection.remotePeer.toString() === this.#owner.peerId) {
      connection.abort(new Error('dialled ourselves'))
      return this.#owner.rules.self
    }
    const session = this.#session(connection)
    if (!session.hasControl) {
      this.#greet(session, await connection.newStream(CONTROL_PROTOCOL), connection)
    }
    return (await session.ready)?.node
  }

  #session(connection: Connection): Session {
    const known = this.#sessions.get(connection.id)
    if (known !== undefined) return known
    const { promise, resolve } = Promise.withResolvers<Link | undefined>()
    const session: Session = {
      ready: promise,
      isPending: true,
      hasControl: false,
      settle: (link) => {
        if (!session.isPending) return
        session.isPending = false
        this.#pending--
        cancel()
        resolve(link)
      },
    }
    const cancel = this.#owner.clock.schedule(HELLO_TIMEOUT_MS, () => {
      this.#refuse(session, connection, undefined, 'no hello in time')
    })
    this.#pending++
    if (connection.status === 'open') this.#sessions.set(connection.id, session)
    else session.settle(undefined)
    return session
  }

  #greet(session: Session, stream: Stream, connection: Connection): void {
    session.hasControl = true
    const { clock } = this.#owner
    const control = new ControlStream(stream, clock)
    control.listen({
      onMessage: (message) => this.#onFirst(session, control, connection, message),
      onViolation: () => this.#refuse(session, connection, control, 'malformed hello'),
    })
    const record = this.#owner.ownRecord()
    control.send({ kind: 'hello', version: NETWORK_VERSION, clockMs: clock.nowMs(), record })
  }

  #onFirst(session: Session, control: ControlStream, connection: Connection, message: ControlMessage): void {
    if (!session.isPending) return
    const peer = connection.remotePeer.toString()
    if (message.kind === 'goodbye') {
      session.settle(undefined)
      this.#owner.onRefusedByPeer(peer, message.reason)
      connection.abort(new Error(message.reason))
      return
    }
    if (message.kind !== 'hello') {
      this.#refuse(session, connection, control, 'malformed hello')
      return
    }
    const verdict = judgeHello(this.#owner.rules, message, peer, this.#owner.clock.nowMs())
    if (verdict.kind === 'refused') {
      this.#refuse(session, connection, control, verdict.reason)
      return
    }
    const admitted = this.#owner.admit(connection, control, verdict.record)
    if (typeof admitted === 'string') this.#refuse(session, connection, control, admitted)
    else session.settle(admitted)
  }

  #refuse(
    session: Session,
    connection: Connection,
    control: ControlStream | undefined,
    reason: GoodbyeReason,
  ): void {
    if (!session.isPending) return
    session.settle(undefined)
    this.#owner.onRefused(connection.remotePeer.toString(), reason)
    control?.send({ kind: 'goodbye', reason })
    this.#owner.clock.schedule(CLOSE_MS, () => connection.abort(new Error(reason)))
  }
}
