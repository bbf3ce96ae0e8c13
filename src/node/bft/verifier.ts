/**
 * Checks the signatures of one committee off the main thread: a certificate takes longer than everything else that the
 * core does with it together. Until the thread is up, after it broke, and when too much waits, requests are answered
 * here, at once: each is answered exactly once, and whoever floods the node slows its own reading down.
 *
 * Votes go first, because certificates are made of them; a peer that sends certificates must not delay them.
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

/** More than a core has under way with a committee of 51: 80 certificates of each peer, and its votes. */
const WAITING_MAX = 8192
/** Requests at the thread: one it works on and one more, so that it never waits for this thread. */
const SENT_MAX = 2
/** A thread that broke so often is not started again. */
const STARTS_MAX = 5

/** What the thread is made with. */
export interface CommitteeKeys {
  readonly domain: Domain
  /** In the committee's order. */
  readonly publicKeys: readonly Uint8Array[]
}
export interface VerifierQuestion {
  readonly id: number
  readonly request: VerifyRequest
}
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

export interface SignatureVerifierOptions extends CommitteeKeys {
  /** The thread ended; it is started again with the next request, a few times. */
  readonly onThreadEnded: (error: VerifierThreadError) => void
  /** Makes the thread; a test may make another. */
  readonly startWorker?: (keys: CommitteeKeys) => Worker
}

interface Job {
  readonly request: VerifyRequest
  readonly onResult: (result: VerifyResult) => void
}

export class SignatureVerifier {
  readonly #options: SignatureVerifierOptions
  readonly #verifier: Verifier
  readonly #urgent: Job[] = []
  readonly #others: Job[] = []
  /** What the thread has. */
  readonly #sent = new Map<number, Job>()
  #worker: Worker | undefined
  #isReady = false
  #isClosed = false
  #starts = 0
  #nextId = 0

  /** Starts the thread. @throws InvalidKeyError for a key that is none. */
  constructor(options: SignatureVerifierOptions) {
    this.#options = options
    const { domain, publicKeys } = options
    this.#verifier = { scheme: bls, domain, keyring: bls.keyring(publicKeys) }
    this.#start()
  }

  /** Requests that wait for the thread or are with it. */
  get waitingCount(): number {
    return this.#urgent.length + this.#others.length + this.#sent.size
  }

  /** Answers once, at once or later; never after {@link close}. Not in the order of the calls. */
  verify(request: VerifyRequest, onResult: (result: VerifyResult) => void): void {
    if (this.#isClosed) return
    if (this.#worker === undefined) this.#start()
    if (!this.#isReady || this.waitingCount >= WAITING_MAX) {
      onResult(verifyRequest(this.#verifier, request))
      return
    }
    const queue = request.kind === 'votes' ? this.#urgent : this.#others
    queue.push({ request, onResult })
    this.#feed()
  }

  /** What waits is not answered any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#forget()
    await worker?.terminate()
  }

  #start(): void {
    if (this.#starts >= STARTS_MAX) return
    this.#starts += 1
    const worker = (this.#options.startWorker ?? startWorker)({
      domain: this.#options.domain,
      publicKeys: this.#options.publicKeys,
    })
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
      const id = this.#nextId++
      this.#sent.set(id, job)
      const question: VerifierQuestion = { id, request: detached(job.request) }
      this.#worker?.postMessage(question)
    }
  }

  /** What it had is done here. A request that breaks every thread breaks this one as well: then it is a bug of ours. */
  #onEnd(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker || this.#isClosed) return
    const lost = this.#forget()
    this.#options.onThreadEnded(new VerifierThreadError(cause))
    for (const { request, onResult } of lost) {
      if (!this.#isClosed) onResult(verifyRequest(this.#verifier, request))
    }
  }

  #forget(): Job[] {
    const jobs = [...this.#sent.values(), ...this.#urgent.splice(0), ...this.#others.splice(0)]
    this.#sent.clear()
    this.#isReady = false
    this.#worker = undefined
    return jobs
  }
}

function startWorker(workerData: CommitteeKeys): Worker {
  const file = new URL(`./verifier-worker${extname(import.meta.url)}`, import.meta.url)
  return new Worker(file, { workerData })
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
