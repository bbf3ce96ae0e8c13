/** The driver's promises: nothing leaves before it is durable, a failed flush is the end, answers wait their turn. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { REGIONAL_TIMING } from '../../../src/consensus/simplex/config.ts'
import { SimplexDriver, type DriverPorts } from '../../../src/consensus/simplex/driver.ts'
import type { Effect, Event } from '../../../src/consensus/simplex/events.ts'
import { createCore } from '../../../src/consensus/simplex/machine.ts'
import { COMMITTEE, DOMAIN } from '../../support/consensus-arbitraries.ts'
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
