/** The contracts compile without a warning, fit into a block, and keep the rules for Solidity in CONTRIBUTING.md. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { before, describe, test } from 'node:test'
import { artifactOf, compileContracts, type ContractArtifacts } from '../../contracts/build/compile.ts'

/** EIP-170, in bytes. */
const CODE_SIZE_MAX = 24_576

const CONTRACTS = fileURLToPath(new URL('../../contracts', import.meta.url))
const sources = globSync('**/*.sol', { cwd: CONTRACTS }).map((path) => ({
  path,
  lines: readFileSync(join(CONTRACTS, path), 'utf8').split('\n'),
}))

describe('compiled contracts', () => {
  let artifacts: ContractArtifacts
  before(async () => {
    artifacts = await compileContracts()
  })

  test('are all there', () => {
    for (const name of [
      'ERC20Token',
      'AmmPair',
      'AmmFactory',
      'AmmRouter',
      'Counter',
      'Greeter',
      'Accountability',
    ]) {
      assert.notEqual(artifactOf(artifacts, name).bytecode, '0x', name)
    }
    assert.equal(artifactOf(artifacts, 'IAmmPair').bytecode, '0x')
    assert.throws(() => artifactOf(artifacts, 'Nothing'), /missing contract Nothing \(known: .*Counter/)
  })

  test('fit the code size limit', () => {
    for (const { name, deployedBytecode } of artifacts.values()) {
      assert.ok(deployedBytecode.length / 2 - 1 <= CODE_SIZE_MAX, name)
    }
  })

  test('are the same when they come from the cache', async () => {
    const lines: string[] = []
    const again = await compileContracts((line) => lines.push(line))
    assert.deepEqual([...again], [...artifacts])
    assert.deepEqual(lines, [])
  })
})

describe('Solidity sources', () => {
  test('were seen at all', () => assert.ok(sources.length >= 10))

  test('have a license, documentation on everything external, and private state', () => {
    for (const { path, lines } of sources) {
      assert.equal(lines[0], '// SPDX-License-Identifier: Apache-2.0', path)
      lines.forEach((line, i) => {
        const where = `${path}:${i + 1}: ${line.trim()}`
        const isExternal =
          /^ {4}(?:function .*|event \w+|error \w+)/.test(line) && !/\b(?:private|internal)\b/.test(line)
        const isInternal = /^ {4}function _/.test(line) || path === 'defi/SafeTransfer.sol'
        if (isExternal && !isInternal)
          assert.match(lines[i - 1] ?? '', /^ {4}\/\/\/ /, `no NatSpec: ${where}`)
        assert.doesNotMatch(line, /^ {4}(?:mapping|address|u?int\d*|bool|string|bytes\d*)\b.* public /, where)
        assert.doesNotMatch(line, /\brequire\(|revert\(|revert "/, `use a custom error: ${where}`)
      })
    }
  })

  test('prove every unchecked block', () => {
    for (const { path, lines } of sources) {
      lines.forEach((line, i) => {
        if (!/\bunchecked \{/.test(line)) return
        const comment = lines.slice(Math.max(0, i - 3), i).join('\n')
        assert.match(comment, /\/\/ .*Cannot (?:under|over)flow/, `${path}:${i + 1}`)
      })
    }
  })
})
