/** `aevir light`: a database's sealed headers become a file that is verified with the genesis file alone. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { outputOf, refusalOf } from '../support/cli.ts'
import { makeSealedNetwork, type SealedNetwork } from './sealed-network.ts'

const BLOCKS = 130

const directory = mkdtempSync(join(tmpdir(), 'aevir-light.'))
const file = join(directory, 'chain.sealed')
let network: SealedNetwork

before(async () => {
  network = await makeSealedNetwork(directory, BLOCKS)
  const text = await outputOf(['light', 'export', file, '--data', network.data])
  assert.match(text, /^130 sealed headers in \d+ bytes, up to block 130: /)
})
after(() => rmSync(directory, { recursive: true, force: true }))

test('an exported file is verified, from genesis on', async () => {
  const command = ['light', 'verify', file, '--genesis', network.genesis]
  const text = await outputOf(command)
  assert.match(
    text,
    /^130 sealed headers in \d+ items are proven, across 3 changes of committees, in \d+\.\d s\n/,
  )
  const hash = network.steps.findLast(({ seal }) => seal !== undefined)?.item.proposal.payloadHash
  assert.ok(text.endsWith(`head 130 ${hash}\n`))
  const json = JSON.parse(await outputOf([...command, '--json'])) as Record<string, unknown>
  assert.deepEqual(
    { ...json, seconds: 0 },
    { headers: BLOCKS, items: network.steps.length, committeeChanges: 3, seconds: 0, head: BLOCKS, hash },
  )
})

test('what is wrong with a file is said in a line', async () => {
  const bytes = readFileSync(file)
  const damaged = join(directory, 'damaged')
  const verify = (path: string, genesis = network.genesis): Promise<string> =>
    refusalOf(['light', 'verify', path, '--genesis', genesis])
  writeFileSync(damaged, bytes.with(bytes.length >> 1, (bytes[bytes.length >> 1] as number) ^ 1))
  assert.match(await verify(damaged), /^aevir: item \d+ (?:breaks the rule "|cannot be read: )/)
  writeFileSync(damaged, bytes.subarray(0, bytes.length - 100))
  assert.match(await verify(damaged), /^aevir: the file is cut off after \d+ items: copy it again$/m)
  writeFileSync(damaged, 'something else, and long enough to be the start of a file of sealed headers')
  assert.match(await verify(damaged), /^aevir: the start cannot be read: this is no file of sealed headers$/m)
  assert.match(
    await verify(join(directory, 'none')),
    /^aevir: cannot read .*: name a file of sealed headers$/m,
  )
  const other = join(directory, 'other.json')
  writeFileSync(other, readFileSync(network.genesis, 'utf8').replace('"chainId":2025', '"chainId":2026'))
  assert.match(await verify(file, other), /: name the genesis file of its network with --genesis$/m)
})

test('an export does not replace a file, and needs a database', async () => {
  const existing = await refusalOf(['light', 'export', file, '--data', network.data])
  assert.match(existing, /^aevir: cannot write .*: name a new file where there is space$/m)
  const none = await refusalOf(['light', 'export', join(directory, 'new'), '--data', directory])
  assert.match(none, /^aevir: no database in /)
})
