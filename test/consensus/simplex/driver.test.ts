/** The driver's promises: nothing leaves before it is durable, a failed flush is the end, answers wait their turn. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { committeeShape, REGIONAL_TIMING } from '../../../src/consensus/simplex/config.ts'
import { SimplexDriver, type DriverPorts } from '../../../src/consensus/simplex/driver.ts'
import type { Effect, Event } from '../../../src/consensus/simplex/events.ts'
import { createCore } from '../../../src/consensus/simplex/machine.ts'
import { verifyRequest } from '../../../src/consensus/simplex/verification.ts'
import { COMMITTEE, DOMAIN } from '../../support/consensus-arbitraries.ts'
import { blockAt, certificateOf, statementOf } from '../../support/core-node.ts'
import { stubPublicKey, stubScheme } from '../../simulation/stub-scheme.ts'
import { ROOT } from '../../simulation/application.ts'

interface Bench {
  readonly driver: SimplexDriver
  /** What was done, in order. */
  readonly done: string[]
  /** Appends that wait for the disk. */
  readonly writes: ((isDurable: boolean) => void)[]
}

/** A driver whose core answers each event with the given effects, one list an event. */
function bench(script: readonly (readonly Effect[])[], onSend?: (driver: SimplexDriver) => void): Bench {
  const done: string[] = []
  const writes: ((isDurable: boolean) => void)[] = []
  const core = createCore(
    { ...COMMITTEE, domain: DOMAIN, timing: REGIONAL_TIMING, self: 0, compactionBlocks: 64 },
    () => new Uint8Array(96),
    { root: ROOT, records: [] },
  )
  const steps = script.values()
  const step = (_: unknown, event: Event): Effect[] => {
    done.push(`event ${event.kind}`)
    return [...(steps.next().value ?? [])]
  }
  const never = (): never => assert.fail('not part of this test')
  const ports: DriverPorts = {
    transport: {
      send: (to) => {
        done.push(`send ${to}`)
        onSend?.(driver)
      },
      broadcast: ({ kind }) => done.push(`broadcast ${kind}`),
    },
    log: {
      append: (records, onDone) => {
        done.push(`append ${records.length}`)
        writes.push(onDone)
      },
      replace: (records) => done.push(`replace ${records.length}`),
    },
    application: {
      build: never,
      verify: (_, __, onVerdict) => {
        done.push('verify block')
        onVerdict(true)
      },
      notarized: () => done.push('notarized'),
      finalized: () => done.push('finalized'),
      block: never,
      finalizationAtOrBelow: never,
      finalizationAtOrAbove: never,
    },
    observer: {
      evidence: never,
      blame: (peer) => done.push(`blame ${peer}`),
      halted: ({ kind }) => done.push(`halted ${kind}`),
    },
    verify: never,
    schedule: () => () => undefined,
  }
  const driver = new SimplexDriver(core, ports, step)
  return { driver, done, writes }
}

const block = { proposal: { ...ROOT, bodyHash: ROOT.hash }, body: new Uint8Array() } as never
const verifyBlock: Effect = { kind: 'verifyBlock', block, parentPayload: ROOT.payloadHash }
const persist: Effect = { kind: 'persist', records: [] }
const send = (to: number): Effect => ({ kind: 'send', to, message: { kind: 'syncRequest', fromHeight: 1 } })

describe('the driver', () => {
  test('sends at once what nothing was written before', () => {
    const { driver, done } = bench([[send(1)]])
    driver.start()
    assert.deepEqual(done, ['event start', 'send 1'])
  })

  test('holds messages back until all writes before them are durable, in order', () => {
    const { driver, done, writes } = bench([[persist, send(1)], [persist, send(2)], [send(3)]])
    driver.start()
    driver.setPaused(true)
    driver.setPaused(false)
    const [first = assert.fail(), second = assert.fail()] = writes
    done.length = 0
    second(true)
    assert.deepEqual(done, [])
    first(true)
    assert.deepEqual(done, ['send 1', 'send 2', 'send 3'])
  })

  test('holds back what became final, and what builds on it', () => {
    const final: Effect = { kind: 'finalized', block, certificate: undefined }
    const { driver, done, writes } = bench([
      [verifyBlock, persist],
      [final, verifyBlock, persist],
    ])
    driver.start()
    assert.deepEqual(done, ['event start', 'verify block', 'append 0', 'event blockVerified', 'append 0'])
    done.length = 0
    writes[0]?.(true)
    assert.deepEqual(done.slice(0, 2), ['finalized', 'verify block'])
  })

  test('compacts in the order of the writes, without waiting', () => {
    const { driver, done } = bench([[persist, { kind: 'compact', records: [] }, send(1)]])
    driver.start()
    assert.deepEqual(done, ['event start', 'append 0', 'replace 0'])
  })

  test('stops for good when a flush fails: what it held back never leaves', () => {
    const { driver, done, writes } = bench([[persist, send(1)], [send(2)]])
    driver.start()
    done.length = 0
    writes[0]?.(false)
    driver.setPaused(true)
    assert.deepEqual(done, ['halted logFailed'])
  })

  test('does nothing more of a step in which it was stopped', () => {
    const { driver, done } = bench([[send(1), send(2)]], (driver) => driver.stop())
    driver.start()
    assert.deepEqual(done, ['event start', 'send 1'])
  })

  test('finishes a step before it takes up an answer that came at once', () => {
    const { driver, done } = bench([
      [verifyBlock, { kind: 'blame', peer: 4, reason: 'notLeader' }],
      [send(1)],
    ])
    driver.start()
    assert.deepEqual(done, ['event start', 'verify block', 'blame 4', 'event blockVerified', 'send 1'])
  })
})

/** A driver around a real core whose every port is recorded, and answered by the test. */
describe('a driver with its ports', () => {
  const first = blockAt(1)
  const { hash } = first.proposal

  function world(self: number | undefined): {
    readonly driver: SimplexDriver
    readonly said: string[]
    readonly timers: Map<number, () => void>
    readonly answers: { built?: () => void; applied?: () => void; replaced?: (isDurable: boolean) => void }
  } {
    const said: string[] = []
    const timers = new Map<number, () => void>()
    const answers: ReturnType<typeof world>['answers'] = {}
    const config = {
      ...committeeShape(4),
      domain: DOMAIN,
      timing: REGIONAL_TIMING,
      self,
      compactionBlocks: 1,
    }
    const core = createCore(
      config,
      (statement) => statementOf(self ?? 0, statement.kind, statement.view, statement.hash).signature,
      {
        root: ROOT,
        records: [],
      },
    )
    const verifier = {
      scheme: stubScheme,
      domain: DOMAIN,
      keyring: stubScheme.keyring([0, 1, 2, 3].map(stubPublicKey)),
    }
    let timerCount = 0
    const driver = new SimplexDriver(core, {
      transport: {
        send: (to, { kind }) => said.push(`send ${to} ${kind}`),
        broadcast: ({ kind }) => said.push(`broadcast ${kind}`),
      },
      log: {
        append: (_, onDone) => onDone(true),
        replace: (_, onDone) => {
          said.push('replace')
          answers.replaced = onDone
        },
      },
      application: {
        build: (_, onBuilt) => {
          answers.built = () => onBuilt(ROOT.hash, Uint8Array.of(0))
        },
        verify: (_, __, onVerdict) => onVerdict(true),
        notarized: (block) => said.push(`notarized ${block.proposal.height}`),
        finalized: (block, _, onApplied) => {
          said.push(`finalized ${block.proposal.height}`)
          answers.applied = onApplied
        },
        block: () => undefined,
        finalizationAtOrBelow: () => undefined,
        finalizationAtOrAbove: () => undefined,
      },
      observer: {
        evidence: ({ first }) => said.push(`evidence against ${first.signer}`),
        blame: (peer, reason) => said.push(`blame ${peer} ${reason}`),
        halted: ({ kind }) => said.push(`halted ${kind}`),
      },
      verify: (request, onResult) => onResult(verifyRequest(verifier, request)),
      schedule: (_, callback) => {
        const number = timerCount++
        timers.set(number, callback)
        return () => timers.delete(number)
      },
    })
    driver.start()
    return { driver, said, timers, answers }
  }

  test('brings a leader its payload, and sends what it proposes', () => {
    const { answers, said } = world(1)
    answers.built?.()
    assert.deepEqual(said, ['broadcast propose', 'broadcast vote'])
  })

  test('tells the application of blocks, hears that they are durable, and starts the log anew', () => {
    const { driver, said, answers } = world(0)
    const certificates = [certificateOf('notarize', 1, hash), certificateOf('finalize', 1, hash)]
    const { signature } = statementOf(1, 'propose', 1, hash)
    driver.receive(1, { kind: 'propose', block: first, signature, certificates: [] })
    driver.receive(1, { kind: 'certificates', certificates })
    assert.deepEqual(said, ['broadcast vote', 'notarized 1', 'broadcast vote', 'finalized 1'])
    answers.applied?.()
    assert.equal(said.at(-1), 'replace')
    answers.replaced?.(true)
    answers.replaced?.(false)
    assert.equal(said.at(-1), 'halted logFailed')
    answers.replaced?.(false)
    assert.equal(said.filter((word) => word === 'halted logFailed').length, 1)
  })

  test('answers with what it has, and not with what it has not', () => {
    const { driver, said } = world(undefined)
    const { signature } = statementOf(1, 'propose', 1, hash)
    driver.receive(1, { kind: 'propose', block: first, signature, certificates: [] })
    driver.receive(2, { kind: 'blockRequest', hash, aboveHeight: 0 })
    driver.receive(3, { kind: 'blockRequest', hash: ROOT.hash, aboveHeight: 0 })
    driver.receive(3, { kind: 'syncRequest', fromHeight: 1 })
    assert.deepEqual(said, ['send 2 blocks'])
  })

  test('tells of evidence, of blame, and of the end', () => {
    const { driver, said } = world(0)
    const vote = (kind: 'nullify' | 'finalize'): void => {
      const statement = statementOf(2, kind, 1, kind === 'nullify' ? undefined : hash)
      driver.receive(2, { kind: 'vote', vote: { ...statement, kind } })
    }
    vote('nullify')
    vote('finalize')
    driver.receive(3, { kind: 'vote', vote: { ...statementOf(2, 'nullify', 1), kind: 'nullify' } })
    const certificates = [certificateOf('nullify', 2), certificateOf('finalize', 2, hash)]
    driver.receive(1, { kind: 'certificates', certificates })
    driver.receive(3, { kind: 'vote', vote: { ...statementOf(2, 'nullify', 1), kind: 'nullify' } })
    assert.deepEqual(
      said.filter((word) => !word.startsWith('send')),
      ['evidence against 2', 'blame 3 notSigner', 'halted conflictingCertificates'],
    )
  })

  test('sets each timer once, and none is left when it stops', () => {
    const { driver, said, timers } = world(0)
    assert.equal(timers.size, 3)
    const before = [...timers.values()]
    driver.receive(1, { kind: 'certificates', certificates: [certificateOf('nullify', 1)] })
    assert.equal(timers.size, 3)
    for (const callback of [...timers.values()]) callback()
    assert.ok(said.includes('broadcast vote'))
    driver.catchUp()
    assert.ok(said.some((word) => word.endsWith('syncRequest')))
    driver.stop()
    assert.equal(timers.size, 0)
    said.length = 0
    for (const callback of before) callback()
    assert.deepEqual(said, [])
  })
})
