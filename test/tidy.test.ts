/**
 * Runs the house rules (`support/tidy-rules.ts`) on the repository, and each rule on small examples that break it:
 * a rule that finds nothing anywhere is no rule.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'node:test'
import { importsOf, scan } from './support/source-text.ts'
import {
  deterministicCodeIsPure,
  filesHaveTheHouseForm,
  importsAreExplicit,
  importsHaveNoCycles,
  layersAreKept,
  nothingIsLeftOver,
  packagesStayWithTheirOwners,
  textTellsNothingOfItsMakers,
  type Module,
  type Rule,
} from './support/tidy-rules.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const GENERATED = new Set(['node_modules', 'dist', '.cache', '.git'])

function read(patterns: readonly string[]): Module[] {
  return globSync([...patterns], { cwd: ROOT, exclude: (name) => GENERATED.has(basename(name)) })
    .map((path) => ({ path: path.replaceAll(sep, '/'), text: readFileSync(join(ROOT, path), 'utf8') }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

const modules = read(['{src,runtime,contracts,test,benchmarks}/**/*.ts'])
const texts = read([
  '{src,runtime,contracts,test,benchmarks}/**/*.{ts,sol,html,css,json,md}',
  '*.{md,json}',
  '.ci/*',
  '.{oxlintrc,oxfmtrc}.json',
])

describe('the repository', () => {
  test('was seen at all', () => {
    assert.ok(modules.length >= 20, `only ${modules.length} modules found under ${ROOT}`)
    for (const folder of ['src/primitives', 'src/chain', 'src/state', 'runtime', 'test']) {
      assert.ok(
        modules.some(({ path }) => path.startsWith(`${folder}/`)),
        `no module in ${folder}`,
      )
    }
    assert.ok(modules.filter(({ text }) => importsOf(text).length > 0).length >= modules.length / 2)
  })

  const rules: readonly [string, Rule, readonly Module[]][] = [
    ['keeps its layers', layersAreKept, modules],
    ['is deterministic where it must be', deterministicCodeIsPure, modules],
    ['keeps packages with their owners', packagesStayWithTheirOwners, modules],
    ['imports explicitly', importsAreExplicit, modules],
    ['has no import cycles', importsHaveNoCycles, modules],
    ['has the house form', filesHaveTheHouseForm, modules],
    ['has nothing left over', nothingIsLeftOver, modules],
    ['tells nothing of its makers', textTellsNothingOfItsMakers, texts],
  ]
  for (const [name, rule, input] of rules) {
    test(name, () => assert.deepEqual(rule(input), []))
  }

  test('has a top level of known names only', () => {
    const known = /^(?:src|contracts|runtime|test|benchmarks|node_modules|dist|\..*|[A-Z]+\.md|LICENSE)$/
    const files = /^(?:package(?:-lock)?|tsconfig(?:\.build)?|knip)\.json$/
    const unknown = readdirSync(ROOT).filter(
      (name) => !known.test(name) && !files.test(name) && !/\.(?:log|tgz)$/.test(name),
    )
    assert.deepEqual(unknown, [])
  })
})

const module = (path: string, text: string): Module => ({ path, text })
/** Examples of what no file may contain, this one included. */
const spell = (...parts: string[]): string => parts.join('')

describe('each rule', () => {
  const cases: readonly [string, Rule, string, string, RegExp | null][] = [
    ['a lower layer', layersAreKept, 'src/state/a.ts', "import { b } from '../chain/b.ts'", null],
    ['its own folder', layersAreKept, 'src/state/trie/a.ts', "import { b } from '../journal.ts'", null],
    [
      'an upper layer',
      layersAreKept,
      'src/chain/a.ts',
      "import type { B } from '../state/b.ts'",
      /may not import/,
    ],
    [
      'tests from the code',
      layersAreKept,
      'runtime/a.ts',
      "import { b } from '../test/b.ts'",
      /may not import/,
    ],
    [
      'execution from runtime',
      layersAreKept,
      'runtime/evm/a.ts',
      "await import('../../src/execution/b.ts')",
      /may not/,
    ],
    ['storage from RPC', layersAreKept, 'src/rpc/a.ts', "import '../storage/b.ts'", /may not import/],
    ['an unknown folder', layersAreKept, 'src/utils/a.ts', '', /not in the layer table/],

    ['a built-in', deterministicCodeIsPure, 'src/pool/a.ts', "import { join } from 'node:path'", /node:path/],
    ['the clock', deterministicCodeIsPure, 'runtime/a.ts', 'const now = Date.now()', /uses Date/],
    ['a timer', deterministicCodeIsPure, 'src/consensus/a.ts', '\nsetTimeout(f, 1)', /a\.ts:2: .*setTimeout/],
    ['chance', deterministicCodeIsPure, 'src/state/a.ts', 'x = Math.random()', /Math\.random/],
    ['the locale', deterministicCodeIsPure, 'src/chain/a.ts', 'a.localeCompare(b)', /localeCompare/],
    ['output in a template', deterministicCodeIsPure, 'runtime/a.ts', '`${console.log(1)}`', /console/],
    [
      'words in comments and strings',
      deterministicCodeIsPure,
      'runtime/a.ts',
      "// Date\nf('process', `fetch`)",
      null,
    ],
    [
      'members of the same name',
      deterministicCodeIsPure,
      'runtime/a.ts',
      'a.process({ fetch: 1, date: b.Date })',
      null,
    ],
    [
      'methods that are defined',
      deterministicCodeIsPure,
      'runtime/a.ts',
      'class A {\n  setInterval(ms: number): void {}\n}',
      null,
    ],
    ['the clock in the node', deterministicCodeIsPure, 'src/node/a.ts', 'Date.now()', null],

    [
      'the database',
      packagesStayWithTheirOwners,
      'src/node/a.ts',
      "import { open } from 'lmdb'",
      /belongs to/,
    ],
    [
      'the database at home',
      packagesStayWithTheirOwners,
      'src/storage/a.ts',
      "import { open } from 'lmdb'",
      null,
    ],
    [
      'libp2p parts',
      packagesStayWithTheirOwners,
      'src/rpc/a.ts',
      "import { tcp } from '@libp2p/tcp'",
      /belongs to/,
    ],
    [
      'the compiler',
      packagesStayWithTheirOwners,
      'contracts/demo.ts',
      "import solc from 'solc'",
      /belongs to/,
    ],

    ['a missing ending', importsAreExplicit, 'src/a.ts', "import { b } from './b'", /must end in \.ts/],
    ['a barrel', importsAreExplicit, 'src/a.ts', "export * from './b.ts'", /hands on/],
    [
      'an ordinary export',
      importsAreExplicit,
      'src/a.ts',
      "export const a = 1\nimport { b } from './b.ts'",
      null,
    ],

    ['a file name', filesHaveTheHouseForm, 'src/myFile.ts', '// Why.\n', /kebab-case/],
    ['a missing header', filesHaveTheHouseForm, 'src/a.ts', 'export const a = 1\n', /opens with a comment/],
    ['a long file', filesHaveTheHouseForm, 'src/a.ts', `// Why.\n${'\n'.repeat(500)}`, /501 lines/],
    ['a default export', filesHaveTheHouseForm, 'src/a.ts', '// Why.\nexport default 1\n', /default exports/],
    ['an enum', filesHaveTheHouseForm, 'src/a.ts', '// Why.\nexport enum A {}\n', /no enums/],
    ['a good file', filesHaveTheHouseForm, 'src/a-b.test.ts', '#!/usr/bin/env node\n/** Why. */\n', null],

    ['a note to oneself', nothingIsLeftOver, 'src/a.ts', spell('// TO', 'DO later'), /left over/],
    ['a focused test', nothingIsLeftOver, 'test/a.test.ts', spell('test.on', "ly('x')"), /left over/],

    ['a machine', textTellsNothingOfItsMakers, 'README.md', spell('run /ho', 'me/me/x'), /path of a machine/],
    [
      'a registry',
      textTellsNothingOfItsMakers,
      'README.md',
      spell('https://regis', 'try.example.org/x'),
      /registry host/,
    ],
    [
      'a relative folder',
      textTellsNothingOfItsMakers,
      'README.md',
      '../shared/vectors and a/home/of/tests',
      null,
    ],
  ]
  for (const [name, rule, path, text, complaint] of cases) {
    test(`${complaint === null ? 'accepts' : 'finds'} ${name}`, () => {
      const found = rule([module(path, text)])
      if (complaint === null) assert.deepEqual(found, [])
      else assert.match(found.join('\n'), complaint)
    })
  }

  test('finds a cycle, and only a cycle', () => {
    const a = module('src/a.ts', "import { b } from './b.ts'\nimport { c } from './c.ts'")
    const b = module('src/b.ts', "import { c } from './c.ts'")
    assert.deepEqual(importsHaveNoCycles([a, b, module('src/c.ts', '')]), [])
    const typed = module('src/c.ts', "import type { A } from './a.ts'")
    assert.deepEqual(importsHaveNoCycles([a, b, typed]), [])
    const c = module('src/c.ts', "import { a } from './a.ts'")
    assert.match(importsHaveNoCycles([a, b, c])[0] ?? '', /src\/a\.ts → src\/b\.ts → src\/c\.ts → src\/a\.ts/)
  })
})

describe('reading source text', () => {
  test('blanks comments and strings but keeps offsets', () => {
    const text = 'a /* b\n */ = "c" + `d${e}f` // g\n+ 1'
    const { code, withoutComments } = scan(text)
    assert.equal(code.length, text.length)
    assert.equal(withoutComments.length, text.length)
    assert.deepEqual(code.match(/\w+/g), ['a', 'e', '1'])
    assert.equal(code.split('\n').length, text.split('\n').length)
  })

  test('tells a regular expression from a division', () => {
    assert.deepEqual(scan('x = /[\'"/]/.test(y) / z / w').code.match(/\w+/g), ['x', 'test', 'y', 'z', 'w'])
  })

  test('sees imports over several lines and none in comments', () => {
    const text =
      "import {\n  a,\n  type B,\n} from './a.ts'\n// import { c } from './c.ts'\nimport * as d from './d.ts'\n"
    assert.deepEqual(
      importsOf(text).map(({ specifier }) => specifier),
      ['./a.ts', './d.ts'],
    )
  })
})
