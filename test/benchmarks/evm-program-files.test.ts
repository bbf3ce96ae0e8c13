/** Programs of a folder: what is a program is read, and what is not is refused with the file, the reason and the cure. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  MalformedProgramError,
  parseProgram,
  ProgramsAbsentError,
  readPrograms,
} from '../../benchmarks/evm-program-files.ts'
import { findPrograms, isOwn } from '../../benchmarks/evm-programs.ts'

const MEMBERS = {
  name: 'counter',
  source: 'somewhere',
  code: '0x60Ff',
  calldata: '0x',
  gas: 10_000_000_000,
  expectedOutput: null,
  needsStorage: true,
  address: `0xc0${'00'.repeat(19)}`,
  caller: `0xa0${'00'.repeat(19)}`,
}

describe('a program', () => {
  test('has what is known of it, and nothing of what is not', () => {
    const { name, code, calldata, gas, address, caller } = MEMBERS
    assert.deepEqual(parseProgram(JSON.stringify(MEMBERS), 'f'), {
      name,
      code,
      calldata,
      gas,
      address,
      caller,
    })
  })

  test('may set storage and say what it returns', () => {
    const more = {
      ...MEMBERS,
      storage: { '0x0': '0x1', [`0x${'f'.repeat(64)}`]: '0xA' },
      expectedOutput: '0x01',
    }
    const { storage, expectedOutput } = parseProgram(JSON.stringify(more), 'f')
    assert.deepEqual(storage, more.storage)
    assert.equal(expectedOutput, '0x01')
  })

  const without = (name: string): object =>
    Object.fromEntries(Object.entries(MEMBERS).filter(([key]) => key !== name))
  const refused: readonly [string, string | object, RegExp][] = [
    ['no JSON', '{', /not a JSON object/],
    ['a list', [], /not a JSON object/],
    ['null', 'null', /not a JSON object/],
    ...(['code', 'calldata', 'address', 'caller'].map(
      (name) => [`no ${name}`, without(name), new RegExp(`"${name}" is missing`)] as const,
    ) as [string, object, RegExp][]),
    ['no name', without('name'), /"name" must be a text/],
    ['an empty name', { ...MEMBERS, name: '' }, /"name" must be a text/],
    ['no gas', without('gas'), /"gas" must be a whole number above 0/],
    ['gas as a text', { ...MEMBERS, gas: '1000' }, /"gas" must be a whole number above 0/],
    ['half a gas', { ...MEMBERS, gas: 0.5 }, /"gas" must be a whole number above 0/],
    ['no gas at all', { ...MEMBERS, gas: 0 }, /"gas" must be a whole number above 0/],
    ['code without 0x', { ...MEMBERS, code: '60ff' }, /"code" must be hex/],
    ['half a byte', { ...MEMBERS, calldata: '0x123' }, /"calldata" must be hex/],
    ['a letter that is no digit', { ...MEMBERS, code: '0x60fg' }, /"code" must be hex/],
    ['code as a number', { ...MEMBERS, code: 96 }, /"code" must be hex/],
    ['no code', { ...MEMBERS, code: '0x' }, /"code" is empty/],
    ['a short address', { ...MEMBERS, address: '0x12' }, /"address" must have 20 bytes/],
    ['a long caller', { ...MEMBERS, caller: `0x${'00'.repeat(32)}` }, /"caller" must have 20 bytes/],
    ['storage as a list', { ...MEMBERS, storage: [1] }, /"storage" must be an object/],
    ['slots that are no words', { ...MEMBERS, storage: { zero: '0x1' } }, /"storage" must map words.*"zero"/],
    ['values that are no words', { ...MEMBERS, storage: { '0x0': 1 } }, /"storage" must map words.*"0x0"/],
    ['output that is no hex', { ...MEMBERS, expectedOutput: 'yes' }, /"expectedOutput" must be hex/],
  ]
  for (const [what, members, reason] of refused) {
    test(`is not ${what}`, () => {
      const text = typeof members === 'string' ? members : JSON.stringify(members)
      assert.throws(
        () => parseProgram(text, 'folder/file.json'),
        (error) =>
          error instanceof MalformedProgramError &&
          error.message.startsWith('folder/file.json: ') &&
          error.message.includes('a program has "name", "code"') &&
          reason.test(error.message),
      )
    })
  }
})

describe('a folder of programs', () => {
  let folder = ''
  const write = (file: string, members: object): void =>
    writeFileSync(join(folder, file), JSON.stringify({ ...MEMBERS, ...members }))
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'aevir-programs-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  test('must be there, be a folder, and hold programs', () => {
    const absent = join(folder, 'absent')
    assert.throws(
      () => readPrograms(absent),
      (error) => error instanceof ProgramsAbsentError && error.message.includes(absent),
    )
    const file = join(folder, 'a file')
    writeFileSync(file, '')
    assert.throws(() => readPrograms(file), /is a file: give the folder/)
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    writeFileSync(join(empty, 'README.md'), '')
    assert.throws(() => readPrograms(empty), /holds no programs: one is a \.json file with "name"/)
  })

  test('is read in the order of its files, and ours join', () => {
    write('b.json', { name: 'first' })
    write('c.json', { name: 'second' })
    assert.deepEqual(
      readPrograms(folder).map(({ name }) => name),
      ['first', 'second'],
    )
    const all = findPrograms(folder, [])
    assert.deepEqual(
      all.filter((program) => !isOwn(program)).map(({ name }) => name),
      ['first', 'second'],
    )
    assert.ok(all.length > 4)
    assert.deepEqual(
      findPrograms(folder, ['own_sort', 'second']).map(({ name }) => name),
      ['second', 'own_sort'],
    )
  })

  test('does not know every name', () => {
    assert.throws(
      () => findPrograms(folder, ['first', 'thirst']),
      /no program or folder thirst; known programs: first, second, own_/,
    )
  })

  test('has one program for each name', () => {
    write('d.json', { name: 'first' })
    assert.throws(() => readPrograms(folder), /d\.json: the name "first" is that of .*b\.json, too/)
  })
})
