/**
 * Our execution against the reference: a fixed set of random transactions, and the cases in `cases/`. Those are what
 * `npm run differential` printed of a difference: each tells a right execution from one with a certain mistake. Large
 * runs are the command's; this one must stay short.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { Prng } from '../support/prng.ts'
import { realize, type Blueprint } from './blueprint.ts'
import { caseFromJson, caseToJson } from './case.ts'
import { compareCase } from './compare.ts'
import { generateCase } from './generate-case.ts'
import { encodeProgram } from './program.ts'
import { tellDifference } from './report.ts'
import { shrink } from './shrink.ts'
import { Statistics } from './statistics.ts'

const SEED = 'npm test'
const TRANSACTIONS = 300
const CASES = new URL('cases/', import.meta.url)

describe('random transactions', () => {
  test(`${TRANSACTIONS} of them end as on the reference`, async () => {
    const statistics = new Statistics()
    for (let index = 0, ran = 0; ran < TRANSACTIONS; index++) {
      const one = realize(generateCase(`${SEED}/${index}`))
      const comparison = await compareCase(one)
      const { difference } = comparison
      if (difference !== undefined) {
        const command = `npm run differential -- --seed "${SEED}" --case ${index}`
        assert.fail(`${tellDifference(one, difference)}\nfor a small case: ${command}`)
      }
      statistics.add(one, comparison)
      ran += one.transactions.length
    }
    assert.ok(statistics.missingOpcodes.length <= 10, `never ran: ${statistics.missingOpcodes.join(', ')}`)
  })

  test('follow from their seed alone', () => {
    const once = caseToJson(realize(generateCase('a seed')))
    assert.equal(caseToJson(realize(generateCase('a seed'))), once)
    assert.notEqual(caseToJson(realize(generateCase('another seed'))), once)
    assert.equal(caseToJson(caseFromJson(once)), once)
  })
})

describe('small cases', () => {
  for (const name of readdirSync(CASES).filter((file) => file.endsWith('.json'))) {
    test(name.replace('.json', '').replaceAll('-', ' '), async () => {
      const one = caseFromJson(readFileSync(new URL(name, CASES), 'utf8'))
      const { difference } = await compareCase(one)
      assert.equal(difference === undefined ? '' : tellDifference(one, difference), '')
    })
  }
})

describe('making a case small', () => {
  test('leaves what the failure takes, and nothing else', async () => {
    // As if SELFDESTRUCT were wrong: a case fails while its first transaction calls a contract that has one.
    const fails = async ({ accounts, transactions }: Blueprint): Promise<boolean> => {
      const target = accounts.find(({ address }) => address === transactions[0]?.to)
      const code = target === undefined || target.code instanceof Uint8Array ? [] : target.code
      return JSON.stringify(code).includes('SELFDESTRUCT')
    }
    const blueprint = await firstThat(fails)
    const small = await shrink(blueprint, fails)
    assert.equal(small.transactions.length, 1)
    assert.equal(small.accounts.length, 1)
    const [contract] = small.accounts
    assert.ok(contract !== undefined && !(contract.code instanceof Uint8Array))
    // The program's end is a STOP.
    assert.equal(bytesToHex(encodeProgram(contract.code)), '0xff00')
  })
})

async function firstThat(holds: (blueprint: Blueprint) => Promise<boolean>): Promise<Blueprint> {
  for (let index = 0; ; index++) {
    const blueprint = generateCase(`shrink/${index}`)
    if (await holds(blueprint)) return blueprint
  }
}

describe('the generator of random numbers', () => {
  test('repeats itself for a seed', () => {
    const [a, b, c] = [new Prng('x'), new Prng('x'), new Prng('y')]
    const ten = (prng: Prng): number[] => prng.times(10, () => prng.uint32())
    const first = ten(a)
    assert.deepEqual(ten(b), first)
    assert.notDeepEqual(ten(c), first)
  })

  test('keeps its bounds and its weights', () => {
    const prng = new Prng('bounds')
    const seen = new Set(prng.times(1_000, () => prng.between(3, 7)))
    assert.deepEqual(
      [...seen].toSorted((a, b) => a - b),
      [3, 4, 5, 6, 7],
    )
    const heads = prng
      .times(10_000, () =>
        prng.weighted([
          [3, 1],
          [1, 0],
        ]),
      )
      .reduce((sum, one) => sum + one, 0)
    assert.ok(heads > 7_300 && heads < 7_700, `${heads} of 10,000`)
    assert.equal(prng.times(1_000, () => prng.chance(0)).includes(true), false)
  })
})
