/**
 * All tiers against tier 0: the programs in `../programs/` at their gas and at every other amount at which something
 * changes, with switches between tiers at each of their first instructions, and some random programs. Large runs are
 * the command's (`npm run differential -- --engines …`); this must stay short.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { ENGINE_NAMES } from '../../../src/execution/engines.ts'
import type { Engine } from '../../../runtime/host.ts'
import { realize } from '../blueprint.ts'
import type { Case } from '../case.ts'
import { compareCase } from '../compare.ts'
import { tellDifference } from '../report.ts'
import { compareEngines } from './compare-engines.ts'
import { Coverage } from './coverage.ts'
import { engineCase } from './engine-case.ts'
import { contestOf } from './engine-run.ts'
import { sweepCase } from './gas-sweep.ts'
import { caseFromListing } from './listing.ts'
import { scheduledSwitching, SWITCHING, TIERS } from './tiers.ts'

const PROGRAMS = new URL('../programs/', import.meta.url)
/** Amounts of gas that each program of the folder is run with, at most. */
const AMOUNTS = 50
/** Instructions before which a frame changes tiers, each in a run of its own. */
const SWITCHES = 16
const LONG_PROGRAM_STEPS = 20_000
const SEED = 'npm test'
const RANDOM_STEPS = 60_000
/** Those that differ in where gas is charged. */
const SWEPT = TIERS.filter(({ name }) => ['tier0', 'tier1', 'tier2', 'tier2-small'].includes(name))
const TIER_NAMES = TIERS.map(({ name }) => name)

function assertAlike(one: Case, engines: readonly Engine[], coverage?: Coverage): void {
  const difference = compareEngines(one, engines, coverage)
  assert.equal(difference === undefined ? '' : `${difference.engine}: ${tellDifference(one, difference)}`, '')
}

test('every engine of ours that a node can run is compared', () => {
  assert.deepEqual(
    ENGINE_NAMES.filter((name) => name !== 'reference' && !TIER_NAMES.includes(name)),
    [],
  )
})

describe('programs', () => {
  const switching = scheduledSwitching()
  for (const name of readdirSync(PROGRAMS).filter((file) => file.endsWith('.easm'))) {
    test(name.replace('.easm', '').replaceAll('-', ' '), async () => {
      const one = realize(caseFromListing(readFileSync(new URL(name, PROGRAMS), 'utf8')))
      const coverage = new Coverage()
      const { engines, reset } = contestOf([...TIER_NAMES, SWITCHING])
      reset(name)
      assertAlike(one, engines, coverage)
      assert.ok(coverage.steps > 0, 'it runs at all')
      if (coverage.steps > LONG_PROGRAM_STEPS) return
      const { difference } = await compareCase(one)
      assert.equal(difference === undefined ? '' : tellDifference(one, difference), '')
      assert.equal(sweepCase(one, SWEPT, AMOUNTS).difference, undefined)
      for (let steps = 0; steps < Math.min(coverage.steps, SWITCHES); steps++) {
        switching.after(steps)
        assertAlike(one, [...TIERS.slice(0, 1), switching.engine])
      }
    })
  }
})

test('random programs do alike on all tiers, with switches at random', () => {
  const { engines, reset } = contestOf([...TIER_NAMES, SWITCHING])
  const coverage = new Coverage()
  for (let index = 0; coverage.steps < RANDOM_STEPS; index++) {
    const seed = `${SEED}/${index}`
    reset(seed)
    const one = realize(engineCase(seed))
    const difference = compareEngines(one, engines, coverage)
    if (difference === undefined) continue
    const command = `npm run differential -- --engines tier0,${difference.engine} --seed "${SEED}" --case ${index}`
    assert.fail(`${tellDifference(one, difference)}\nfor a small case: ${command}`)
  }
})
