/**
 * Checks signatures off the main thread, for all instances of consensus in a process: a certificate takes longer than
 * everything else that the core does with it together. Until the thread is up, after it broke, and when too much waits,
 * requests are answered here, at once: each is answered exactly once, and whoever floods the node slows its own reading
 * down.
 *
 * Votes go first, because certificates are made of them; a peer that sends certificates must not delay them.
 *
 * In a network within one process many nodes ask about the same certificate. While a committee is open more than once,
 * what is asked again is not checked again.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { bls } from '../../consensus/bls.ts'
import type { Domain } from '../../consensus/simplex/config.ts'
import {
  verifyRequest,
  type Verifier,
  type VerifyRequest,
  type VerifyResult,
} from '../../consensus/simplex/verification.ts'
import { unreachable } from '../../primitives/assert.ts'
import { AevirError } from '../../primitives/errors.ts'
import type { Hash } from '../../primitives/bytes.ts'
import { SharedAnswers } from './shared-answers.ts'

/** More than a core has under way with a committee of 51: 80 certificates of each peer, and its votes. */
const WAITING_MAX = 8192
/** Requests at the thread: one it works on and one more, so that it never waits for this thread. */
const SENT_MAX = 2
/** A thread that broke so often is not started again. */
const STARTS_MAX = 5

/** What signatures of a committee are checked with. */
export interface CommitteeKeys {
  readonly domain: Domain
  /** In the committee's order. */
  readonly publicKeys: readonly Uint8Array[]
}
export type VerifierQuestion =
  | {
      readonly kind: 'request'
      readonly id: number
      readonly committee: number
      /** There with the first request about a committee. */
      readonly keys: CommitteeKeys | undefined
      readonly request: VerifyRequest
    }
  /** Nothing is asked about this committee any more. */
  | { readonly kind: 'forget'; readonly committee: number }
export interface VerifierAnswer {
  readonly id: number
  readonly result: VerifyResult
}

/** The thread ended by itself. Nothing is lost: this thread does its work. */
export class VerifierThreadError extends AevirError {
  override readonly code = 'VERIFIER_THREAD_ENDED'
  constructor(cause: unknown) {
    super('the thread that checks signatures ended: they are checked on the main thread, which is slower', {
      cause,
    })
  }
}

export interface SignatureVerifierOptions {
  /** The thread ended; it is started again with the next request, a few times. */
  readonly onThreadEnded: (error: VerifierThreadError) => void
  /** Makes the thread; a test may make another. */
  readonly startWorker?: () => Worker
}

/** Checks signatures of one committee. */
export interface CommitteeVerifier {
  /** Answers once, at once or later; never after {@link close}. Not in the order of the calls. */
  verify(request: VerifyRequest, onResult: (result: VerifyResult) => void): void
  close(): void
}

interface OpenCommittee {
  readonly id: number
  readonly keys: CommitteeKeys
  readonly verifier: Verifier
  readonly shared: SharedAnswers
  users: number
}
interface Job {
  readonly committee: OpenCommittee
  readonly request: VerifyRequest
  readonly onResult: (result: VerifyResult) => void
}

export class SignatureVerifier {
  readonly #options: SignatureVerifierOptions
  readonly #committees = new Map<Hash, OpenCommittee>()
  readonly #urgent: Job[] = []
  readonly #others: Job[] = []
  /** What the thread has. */
  readonly #sent = new Map<number, Job>()
  /** Committees that the thread knows the keys of. */
  readonly #introduced = new Set<number>()
  #worker: Worker | undefined
  #isReady = false
  #isClosed = false
  #starts = 0
  #nextId = 0

  /** Starts the thread. */
  constructor(options: SignatureVerifierOptions) {
    this.#options = options
    this.#start()
  }

  /** Requests that wait for the thread or are with it. */
  get waitingCount(): number {
    return this.#urgent.length + this.#others.length + this.#sent.size
  }

  /** @throws InvalidKeyError for a key that is none. */
  open(keys: CommitteeKeys): CommitteeVerifier {
    const committee = this.#committeeOf(keys)
    committee.users += 1
    let isOpen = true
    return {
      verify: (request, onResult) => {
        const answer = (result: VerifyResult): void => {
          if (isOpen && !this.#isClosed) onResult(result)
        }
        if (!isOpen || this.#isClosed) return
        if (committee.users === 1) this.#verify(committee, request, answer)
        else committee.shared.ask(request, answer, (settle) => this.#verify(committee, request, settle))
      },
      close: () => {
        if (isOpen) this.#release(committee)
        isOpen = false
      },
    }
  }

  /** What waits is not answered any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#forgetThread()
    await worker?.terminate()
  }

  #committeeOf(keys: CommitteeKeys): OpenCommittee {
    const { committeeHash } = keys.domain
    const known = this.#committees.get(committeeHash)
    if (known !== undefined) return known
    const { domain, publicKeys } = keys
    const verifier = { scheme: bls, domain, keyring: bls.keyring(publicKeys) }
    const committee = { id: this.#nextId++, keys, verifier, shared: new SharedAnswers(), users: 0 }
    this.#committees.set(committeeHash, committee)
    return committee
  }

  #release(committee: OpenCommittee): void {
    committee.users -= 1
    if (committee.users > 0) return
    this.#committees.delete(committee.keys.domain.committeeHash)
    if (!this.#introduced.delete(committee.id)) return
    const question: VerifierQuestion = { kind: 'forget', committee: committee.id }
    this.#worker?.postMessage(question)
  }

  #verify(committee: OpenCommittee, request: VerifyRequest, onResult: (result: VerifyResult) => void): void {
    if (this.#worker === undefined) this.#start()
    if (!this.#isReady || this.waitingCount >= WAITING_MAX) {
      onResult(verifyRequest(committee.verifier, request))
      return
    }
    const queue = request.kind === 'votes' ? this.#urgent : this.#others
    queue.push({ committee, request, onResult })
    this.#feed()
  }

  #start(): void {
    if (this.#starts >= STARTS_MAX) return
    this.#starts += 1
    const worker = (this.#options.startWorker ?? startWorker)()
    this.#worker = worker
    worker.unref()
    worker.on('message', (message: VerifierAnswer | 'ready') => {
      if (worker === this.#worker) this.#onMessage(message)
    })
    worker.once('error', (error) => this.#onEnd(worker, error))
    worker.once('exit', (code) => this.#onEnd(worker, new Error(`exit code ${code}`)))
  }

  #onMessage(message: VerifierAnswer | 'ready'): void {
    if (message === 'ready') {
      this.#isReady = true
      return
    }
    const job = this.#sent.get(message.id)
    this.#sent.delete(message.id)
    this.#feed()
    job?.onResult(message.result)
  }

  #feed(): void {
    while (this.#sent.size < SENT_MAX) {
      const job = this.#urgent.shift() ?? this.#others.shift()
      if (job === undefined) return
      // Nobody is left who would hear the answer; the thread has forgotten the keys.
      if (job.committee.users === 0) continue
      const id = this.#nextId++
      this.#sent.set(id, job)
      this.#send(id, job)
    }
  }

  #send(id: number, { committee, request }: Job): void {
    const keys = this.#introduced.has(committee.id) ? undefined : committee.keys
    this.#introduced.add(committee.id)
    const question: VerifierQuestion = {
      kind: 'request',
      id,
      committee: committee.id,
      keys,
      request: detached(request),
    }
    this.#worker?.postMessage(question)
  }

  /** What it had is done here. A request that breaks every thread breaks this one as well: then it is a bug of ours. */
  #onEnd(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker || this.#isClosed) return
    const lost = this.#forgetThread()
    this.#options.onThreadEnded(new VerifierThreadError(cause))
    for (const { committee, request, onResult } of lost) {
      if (!this.#isClosed) onResult(verifyRequest(committee.verifier, request))
    }
  }

  #forgetThread(): Job[] {
    const jobs = [...this.#sent.values(), ...this.#urgent.splice(0), ...this.#others.splice(0)]
    this.#sent.clear()
    this.#introduced.clear()
    this.#isReady = false
    this.#worker = undefined
    return jobs
  }
}

function startWorker(): Worker {
  return new Worker(new URL(`./verifier-worker${extname(import.meta.url)}`, import.meta.url))
}

/**
 * The request with bytes of its own: what comes from the network are views of whole messages, and a view is sent to
 * another thread together with all that it is a view of, such as a block of 4 MiB for a signature of 96 bytes.
 */
function detached(request: VerifyRequest): VerifyRequest {
  switch (request.kind) {
    case 'votes':
      return { ...request, votes: request.votes.map(withOwnSignature) }
    case 'certificate': {
      const { certificate } = request
      const bitmap = new Uint8Array(certificate.bitmap)
      return { kind: 'certificate', certificate: { ...withOwnSignature(certificate), bitmap } }
    }
    case 'statements':
      return { kind: 'statements', statements: request.statements.map(withOwnSignature) }
    default:
      return unreachable(request)
  }
}

function withOwnSignature<T extends { readonly signature: Uint8Array }>(signed: T): T {
  return { ...signed, signature: new Uint8Array(signed.signature) }
}
