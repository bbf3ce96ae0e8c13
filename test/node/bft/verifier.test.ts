/** Signatures are checked alike on a thread and without one, and every request is answered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { bls } from '../../../src/consensus/bls.ts'
import { InvalidKeyError } from '../../../src/consensus/signature-scheme.ts'
import {
  verifyRequest,
  type VerifyRequest,
  type VerifyResult,
} from '../../../src/consensus/simplex/verification.ts'
import { SignatureVerifier, type VerifierThreadError } from '../../../src/node/bft/verifier.ts'
import { certificateOf, committeeOf, votesOf, votesRequest } from './committee.ts'

const committee = committeeOf(4)
const KEYS = { domain: committee.context.domain, publicKeys: committee.publicKeys }
/** Costs nothing to check. */
const NOTHING: VerifyRequest = { kind: 'statements', statements: [] }

function failOnEnd(error: VerifierThreadError): never {
  throw error
}

async function ask(verifier: SignatureVerifier, request: VerifyRequest): Promise<VerifyResult> {
  return new Promise((resolve) => {
    verifier.verify(request, resolve)
  })
}

/** Until the thread is up requests are answered at once. */
async function untilThreadIsUp(verifier: SignatureVerifier): Promise<void> {
  for (let isUp = false; !isUp; await setImmediate()) {
    verifier.verify(NOTHING, () => {})
    isUp = verifier.waitingCount > 0
  }
}

/** A thread that says it is ready and then does this with what it is sent. */
function threadThat(handler: string): () => Worker {
  const code = `const { parentPort } = require('node:worker_threads')
    parentPort.on('message', ${handler})
    parentPort.postMessage('ready')`
  return () => new Worker(code, { eval: true })
}

/** As they come from the network: parts of something larger. */
function viewOf(bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(1 << 20)
  message.set(bytes, 5000)
  return message.subarray(5000, 5000 + bytes.length)
}

function samples(): VerifyRequest[] {
  const good = votesOf(committee, 4).map((vote) => ({ ...vote, signature: viewOf(vote.signature) }))
  const [first, second, third, fourth] = good
  assert.ok(first && second && third && fourth)
  const swapped = [first, { ...second, signature: third.signature }, third, fourth]
  const garbage = [first, { ...second, signature: new Uint8Array(96) }]
  const certificate = certificateOf(committee)
  const statements = [first, second]
  return [
    votesRequest(good),
    votesRequest(swapped),
    votesRequest(garbage),
    votesRequest([]),
    { kind: 'certificate', certificate },
    { kind: 'certificate', certificate: { ...certificate, bitmap: Uint8Array.of(0b1110) } },
    { kind: 'statements', statements },
    { kind: 'statements', statements: swapped },
  ]
}

test('the thread answers as this thread would', async () => {
  const verifier = new SignatureVerifier({ ...KEYS, onThreadEnded: failOnEnd })
  const here = { scheme: bls, domain: KEYS.domain, keyring: bls.keyring(KEYS.publicKeys) }
  const expected = samples().map((request) => verifyRequest(here, request))
  try {
    const beforeItIsUp = await Promise.all(samples().map((request) => ask(verifier, request)))
    assert.deepEqual(beforeItIsUp, expected)
    await untilThreadIsUp(verifier)
    const asked = samples().map((request) => ask(verifier, request))
    assert.ok(verifier.waitingCount > 0)
    assert.deepEqual(await Promise.all(asked), expected)
    assert.deepEqual(expected[1], {
      kind: 'votes',
      invalidSigners: [1],
      aggregate: bls.aggregate(
        votesOf(committee, 4)
          .filter(({ signer }) => signer !== 1)
          .map(({ signature }) => signature),
      ),
    })
  } finally {
    await verifier.close()
  }
})

test('votes do not wait for the certificates that somebody sends', async () => {
  const verifier = new SignatureVerifier({ ...KEYS, onThreadEnded: failOnEnd })
  try {
    await untilThreadIsUp(verifier)
    const order: string[] = []
    const certificate = certificateOf(committee)
    const requests: VerifyRequest[] = [
      ...Array.from({ length: 20 }, () => ({ kind: 'certificate', certificate }) as const),
      votesRequest(votesOf(committee, 3)),
    ]
    const answered = requests.map(async (request) => {
      order.push((await ask(verifier, request)).kind)
    })
    await Promise.all(answered)
    assert.ok(order.indexOf('votes') <= 4, order.join(' '))
  } finally {
    await verifier.close()
  }
})

test('refuses keys that are none', () => {
  const publicKeys = [new Uint8Array(48)]
  assert.throws(
    () => new SignatureVerifier({ ...KEYS, publicKeys, onThreadEnded: failOnEnd }),
    InvalidKeyError,
  )
})

for (const [how, handler] of [
  ['throws', '() => { throw new Error("broken") }'],
  ['exits', '() => process.exit(3)'],
] as const) {
  test(`answers everything when the thread ${how}, and starts it again a few times`, async () => {
    const ends: VerifierThreadError[] = []
    let starts = 0
    const makeThread = threadThat(handler)
    const verifier = new SignatureVerifier({
      ...KEYS,
      onThreadEnded: (error) => {
        ends.push(error)
      },
      startWorker: () => {
        starts += 1
        return makeThread()
      },
    })
    try {
      for (let round = 1; round <= 5; round++) {
        await untilThreadIsUp(verifier)
        const asked = samples().map((request) => ask(verifier, request))
        assert.equal((await Promise.all(asked)).length, asked.length)
        assert.equal(ends.length, round)
      }
      let isAnswered = false
      verifier.verify(NOTHING, () => (isAnswered = true))
      assert.ok(isAnswered)
      assert.equal(starts, 5)
    } finally {
      await verifier.close()
    }
  })
}

test('holds a bounded number of requests, answers more than that at once, and none after it was closed', async () => {
  const verifier = new SignatureVerifier({
    ...KEYS,
    onThreadEnded: failOnEnd,
    startWorker: threadThat('() => {}'),
  })
  await untilThreadIsUp(verifier)
  let answered = 0
  const count = (): void => {
    answered += 1
  }
  for (let waiting = 0; waiting < verifier.waitingCount;) {
    waiting = verifier.waitingCount
    verifier.verify(NOTHING, count)
  }
  assert.equal(verifier.waitingCount, 8192)
  await verifier.close()
  verifier.verify(NOTHING, count)
  assert.equal(answered, 1)
  assert.equal(verifier.waitingCount, 0)
})
