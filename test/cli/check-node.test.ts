/** The version check of entry points: what it accepts and what it tells. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { NODE_MAJOR_MIN, nodeVersionProblem } from '../../src/cli/check-node.ts'

test('a Node that is new enough is no problem', () => {
  assert.equal(nodeVersionProblem('26.0.0'), null)
  assert.equal(nodeVersionProblem('100.1.2'), null)
  assert.equal(nodeVersionProblem(process.versions.node), null)
})

test('an old Node is told its version and the cure', () => {
  const problem = nodeVersionProblem('20.20.2') ?? ''
  assert.match(problem, /needs Node 26 or newer; this is Node 20\.20\.2/)
  assert.match(problem, /npm start/)
})

test('package.json asks for the same version', () => {
  const url = new URL('../../package.json', import.meta.url)
  const manifest = JSON.parse(readFileSync(url, 'utf8')) as { engines: { node: string } }
  assert.equal(manifest.engines.node, `>=${NODE_MAJOR_MIN}`)
})

test('nothing newer is linked before the check: the entry point imports it alone', () => {
  const text = readFileSync(new URL('../../src/cli/main.ts', import.meta.url), 'utf8')
  const imports = text.match(/^import .*$/gm)
  assert.deepEqual(imports, ["import { requireNode } from './check-node.ts'"])
})
