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
import {
  SignatureVerifier,
  type CommitteeVerifier,
  type VerifierThreadError,
} from '../../../src/node/bft/verifier.ts'
import { toHash } from '../../../src/primitives/bytes.ts'
import { certificateOf, committeeOf, votesOf, votesRequest } from './committee.ts'

const committee = committeeOf(4)
const KEYS = { domain: committee.context.domain, publicKeys: committee.publicKeys }
/** Costs nothing to check. */
const NOTHING: VerifyRequest = { kind: 'statements', statements: [] }

function failOnEnd(error: VerifierThreadError): never {
  throw error
}

async function ask(verifier: CommitteeVerifier, request: VerifyRequest): Promise<VerifyResult> {
  return new Promise((resolve) => {
    verifier.verify(request, resolve)
  })
}

/** Until the thread is up requests are answered at once. */
async function untilThreadIsUp(verifier: SignatureVerifier): Promise<void> {
  // Of a committee of its own, so that the question is asked anew each time.
  const committeeHash = toHash(`0x${'00'.repeat(32)}`)
  const checks = verifier.open({ ...KEYS, domain: { ...KEYS.domain, committeeHash } })
  for (let isUp = false; !isUp; await setImmediate()) {
    checks.verify(NOTHING, () => {})
    isUp = verifier.waitingCount > 0
  }
  checks.close()
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
  const verifier = new SignatureVerifier({ onThreadEnded: failOnEnd })
  const checks = verifier.open(KEYS)
  const here = { scheme: bls, domain: KEYS.domain, keyring: bls.keyring(KEYS.publicKeys) }
  const expected = samples().map((request) => verifyRequest(here, request))
  try {
    const beforeItIsUp = await Promise.all(samples().map((request) => ask(checks, request)))
    assert.deepEqual(beforeItIsUp, expected)
    await untilThreadIsUp(verifier)
    const asked = samples().map((request) => ask(checks, request))
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
  const verifier = new SignatureVerifier({ onThreadEnded: failOnEnd })
  try {
    await untilThreadIsUp(verifier)
    const checks = verifier.open(KEYS)
    const order: string[] = []
    const certificate = certificateOf(committee)
    const requests: VerifyRequest[] = [
      ...Array.from({ length: 20 }, () => ({ kind: 'certificate', certificate }) as const),
      votesRequest(votesOf(committee, 3)),
    ]
    const answered = requests.map(async (request) => {
      order.push((await ask(checks, request)).kind)
    })
    await Promise.all(answered)
    assert.ok(order.indexOf('votes') <= 4, order.join(' '))
  } finally {
    await verifier.close()
  }
})

test('refuses keys that are none', async () => {
  const publicKeys = [new Uint8Array(48)]
  const verifier = new SignatureVerifier({ onThreadEnded: failOnEnd })
  assert.throws(() => verifier.open({ ...KEYS, publicKeys }), InvalidKeyError)
  await verifier.close()
})

test('one thread serves several committees, each by its own keys', async () => {
  const verifier = new SignatureVerifier({ onThreadEnded: failOnEnd })
  try {
    await untilThreadIsUp(verifier)
    const others = committeeOf(7, 2)
    const committeeHash = toHash(`0x${'c7'.repeat(32)}`)
    const domain = { ...others.context.domain, committeeHash }
    const checks = verifier.open(KEYS)
    const otherChecks = verifier.open({ domain, publicKeys: others.publicKeys })
    const request: VerifyRequest = { kind: 'certificate', certificate: certificateOf(committee) }
    const asked = [ask(checks, request), ask(otherChecks, request), ask(checks, request)]
    assert.deepEqual(
      await Promise.all(asked),
      [true, false, true].map((isValid) => ({ kind: 'certificate', isValid })),
    )
    checks.close()
    const again = verifier.open(KEYS)
    assert.deepEqual(await ask(again, request), { kind: 'certificate', isValid: true })
  } finally {
    await verifier.close()
  }
})

test('what several nodes of a process ask alike is checked once, and answered to each', async () => {
  const verifier = new SignatureVerifier({
    onThreadEnded: failOnEnd,
    startWorker: threadThat('() => {}'),
  })
  try {
    const first = verifier.open(KEYS)
    const second = verifier.open(KEYS)
    const certificate = certificateOf(committee)
    const altered = { ...certificate, signature: certificate.signature.with(5, 1) }
    // Here, for the thread is not up yet: a wrong signature is wrong for both.
    for (const checks of [first, second]) {
      assert.deepEqual(await ask(checks, { kind: 'certificate', certificate: altered }), {
        kind: 'certificate',
        isValid: false,
      })
    }
    assert.deepEqual(await ask(first, { kind: 'certificate', certificate }), {
      kind: 'certificate',
      isValid: true,
    })
    await untilThreadIsUp(verifier)
    const before = verifier.waitingCount
    const answers = [first, second].map((checks) => ask(checks, { kind: 'certificate', certificate }))
    assert.equal(verifier.waitingCount, before)
    assert.deepEqual(
      await Promise.all(answers),
      Array.from({ length: 2 }, () => ({ kind: 'certificate', isValid: true })),
    )
    // The thread never answers: who asks for the same waits for the same.
    const other = { ...certificate, bitmap: Uint8Array.of(0b1110) }
    for (const checks of [first, second]) checks.verify({ kind: 'certificate', certificate: other }, () => {})
    assert.equal(verifier.waitingCount, before + 1)
  } finally {
    await verifier.close()
  }
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
      onThreadEnded: (error) => {
        ends.push(error)
      },
      startWorker: () => {
        starts += 1
        return makeThread()
      },
    })
    const checks = verifier.open(KEYS)
    try {
      for (let round = 1; round <= 5; round++) {
        for (let isUp = false; !isUp; await setImmediate()) {
          checks.verify(NOTHING, () => {})
          isUp = verifier.waitingCount > 0
        }
        const asked = samples().map((request) => ask(checks, request))
        assert.equal((await Promise.all(asked)).length, asked.length)
        assert.equal(ends.length, round)
      }
      let isAnswered = false
      checks.verify(NOTHING, () => (isAnswered = true))
      assert.ok(isAnswered)
      assert.equal(starts, 5)
    } finally {
      await verifier.close()
    }
  })
}

test('holds a bounded number of requests, answers more than that at once, and none after it was closed', async () => {
  const verifier = new SignatureVerifier({
    onThreadEnded: failOnEnd,
    startWorker: threadThat('() => {}'),
  })
  await untilThreadIsUp(verifier)
  const checks = verifier.open(KEYS)
  let answered = 0
  const count = (): void => {
    answered += 1
  }
  for (let waiting = 0; waiting < verifier.waitingCount;) {
    waiting = verifier.waitingCount
    checks.verify(NOTHING, count)
  }
  assert.equal(verifier.waitingCount, 8192)
  await verifier.close()
  checks.verify(NOTHING, count)
  assert.equal(answered, 1)
  assert.equal(verifier.waitingCount, 0)
})
