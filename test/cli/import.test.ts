/** `aevir import` and `aevir db export`: chains go from one database to another, and what is wrong is told and not kept. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Block, Header } from '../../src/chain/block.ts'
import { blockFromParts, decodeBlock, encodeBlock } from '../../src/chain/block-codec.ts'
import { present } from '../../src/primitives/assert.ts'
import { ZERO_HASH } from '../../src/primitives/bytes.ts'
import { rlpItemSize } from '../../src/primitives/rlp.ts'
import { outputOf, refusalOf, withScratch } from '../support/cli.ts'
import { startDevNode } from '../support/dev-node.ts'
import { GENESIS_TEXT } from '../support/genesis-text.ts'
import { SHARED_SKIP, untar } from '../support/shared.ts'

const ALICE = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'
const BOB = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8'
/** Stores 1 in slot 1 and leaves one byte of code. */
const INIT_CODE = '0x600160015560015ff3'
const BLOCKS = 5

interface Summary {
  readonly imported: number
  readonly known: number
  readonly transactions: number
  readonly head: number
  readonly hash: string
}

describe('a chain', () => {
  let directory: string
  let genesis: string
  let chain: string
  let blocks: readonly Block[]
  let headHash: string

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'aevir-import.'))
    genesis = join(directory, 'genesis.json')
    chain = join(directory, 'chain.rlp')
    const data = join(directory, 'made')
    writeFileSync(genesis, GENESIS_TEXT)
    const node = await startDevNode({ directory: data, args: ['--genesis', genesis] })
    await node.rpc('eth_sendTransaction', { from: ALICE, data: INIT_CODE })
    for (let i = 1; i < BLOCKS; i++)
      await node.rpc('eth_sendTransaction', { from: ALICE, to: BOB, value: '0x5' })
    headHash = (await node.rpc<{ hash: string }>('eth_getBlockByNumber', 'latest', false)).hash
    assert.equal(await node.stop(), 0)
    const exported = await outputOf(['db', 'export', '--data', data, '--chain', chain, '--json'])
    assert.deepEqual(JSON.parse(exported), { blocks: BLOCKS + 1, bytes: statSync(chain).size, chain })
    blocks = blocksIn(readFileSync(chain))
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  const command = (data: string, file: string, ...more: readonly string[]): string[] => [
    'import',
    ...['--genesis', genesis, '--chain', file, '--data', data],
    ...more,
  ]
  const imported = async (data: string, file: string): Promise<Summary> =>
    JSON.parse(await outputOf(command(data, file, '--json'))) as Summary
  const headOf = async (data: string): Promise<number> => {
    const text = await outputOf(['db', 'verify', '--data', data, '--json'])
    const { head, findingCount } = JSON.parse(text) as { head: number; findingCount: number }
    assert.equal(findingCount, 0)
    return head
  }

  test('made here is imported as it was, and served', () =>
    withScratch(async (scratch) => {
      const data = join(scratch, 'data')
      const { transactions, ...summary } = await imported(data, chain)
      const expected = { known: 1, imported: BLOCKS, head: BLOCKS, hash: headHash }
      assert.deepEqual(
        { known: summary.known, imported: summary.imported, head: summary.head, hash: summary.hash },
        expected,
      )
      assert.equal(transactions, BLOCKS)
      assert.equal(await headOf(data), BLOCKS)
      const node = await startDevNode({ directory: data, args: ['--genesis', genesis] })
      const served = await node.rpc<{ hash: string }>('eth_getBlockByNumber', 'latest', false)
      assert.equal(served.hash, headHash)
      assert.equal(await node.rpc('eth_getBalance', BOB, 'latest'), `0x${(5 * (BLOCKS - 1)).toString(16)}`)
      await node.rpc('eth_sendTransaction', { from: ALICE, to: BOB, value: '0x1' })
      assert.equal(await node.stop(), 0)
    }))

  test('imported again changes nothing', () =>
    withScratch(async (scratch) => {
      assert.match(
        await outputOf(command(scratch, chain)),
        new RegExp(
          `^imported 5 blocks \\(1 were there already\\), 5 transactions, \\d+ gas in [\\d.]+ s\n` +
            `head 5 ${headHash}\nserve it: aevir dev --genesis \\S+ --data ${scratch}\n$`,
        ),
      )
      const again = await imported(scratch, chain)
      assert.deepEqual([again.imported, again.known, again.hash], [0, BLOCKS + 1, headHash])
    }))

  test('that breaks a rule is imported up to there, and can go on from there', () =>
    withScratch(async (scratch) => {
      const data = join(scratch, 'data')
      const file = join(scratch, 'broken.rlp')
      const broken = withHeader(present(blocks[3], 'block 3'), { stateRoot: ZERO_HASH })
      writeBlocks(file, blocks.with(3, broken))
      assert.match(
        await refusalOf(command(data, file)),
        new RegExp(
          `block 3 \\(${broken.hash}\\) breaks a rule: .*state root ${ZERO_HASH}, computed 0x\\w+; ` +
            'the 2 blocks before it are imported and stay',
        ),
      )
      assert.equal(await headOf(data), 2)
      const rest = await imported(data, chain)
      assert.deepEqual([rest.imported, rest.known, rest.hash], [3, 3, headHash])
      assert.equal(await headOf(data), BLOCKS)
    }))

  test('file that was cut off is imported as far as it goes', () =>
    withScratch(async (scratch) => {
      const data = join(scratch, 'data')
      const file = join(scratch, 'cut.rlp')
      const bytes = readFileSync(chain)
      writeFileSync(file, bytes.subarray(0, bytes.length - 7))
      assert.match(
        await refusalOf(command(data, file)),
        /cut\.rlp ends within a block, \d+ bytes after byte \d+: get the file once more; the 4 blocks before it/,
      )
      assert.equal(await headOf(data), BLOCKS - 1)
    }))

  test('of another genesis, or what is no chain, makes no database', () =>
    withScratch(async (scratch) => {
      const data = join(scratch, 'data')
      const file = (name: string, content: string | Uint8Array): string => {
        const path = join(scratch, name)
        writeFileSync(path, content)
        return path
      }
      const other = file('other.json', GENESIS_TEXT.replace('0x65000000', '0x65000001'))
      const refusals: readonly (readonly [chain: string, message: RegExp, genesis?: string])[] = [
        [chain, /does not follow this genesis .*: wrong genesis or another chain's file/, other],
        [join(scratch, 'missing.rlp'), /cannot read the chain file .*missing\.rlp: ENOENT/],
        [scratch, /cannot read the chain file .*: EISDIR/],
        [file('empty.rlp', ''), /holds no blocks: is it an RLP export of blocks\?/],
        [file('noise.rlp', Buffer.alloc(5_000, 0xa7)), /no block at byte 0 of the chain file: .*RLP export/],
        [
          file('huge.rlp', Buffer.from('fbffffffff', 'hex')),
          /an item of 4294967300 bytes, more than any block/,
        ],
        [chain, /cannot read the genesis file .*missing\.json: ENOENT/, join(scratch, 'missing.json')],
        [chain, /genesis: the file is not JSON/, file('noise.json', '{"config":')],
        [chain, /genesis: "config" is missing: add it/, file('empty.json', '{}')],
      ]
      for (const [path, message, from = genesis] of refusals) {
        const args = ['import', '--genesis', from, '--chain', path, '--data', data]
        assert.match(await refusalOf(args), message)
        assert.equal(existsSync(data), false, `${message}`)
      }
    }))

  test('of another genesis leaves a database alone', () =>
    withScratch(async (scratch) => {
      const data = join(scratch, 'data')
      await imported(data, chain)
      const other = join(scratch, 'other.json')
      writeFileSync(other, GENESIS_TEXT.replace('0x65000000', '0x65000001'))
      const args = ['import', '--genesis', other, '--chain', chain, '--data', data]
      assert.match(await refusalOf(args), /the database belongs to chain 2025 .*name another data directory/)
      const stranger = join(scratch, 'stranger.rlp')
      const last = present(blocks.at(-1), 'newest block')
      writeBlocks(stranger, [withHeader(last, { number: 6n, parentHash: ZERO_HASH })])
      assert.match(
        await refusalOf(command(data, stranger)),
        new RegExp(`block 6 .* does not follow this chain's newest block 5 \\(${headHash}\\): wrong genesis`),
      )
      assert.equal(await headOf(data), BLOCKS)
    }))

  test('is exported only to a new file', () =>
    withScratch(async (scratch) => {
      const data = join(directory, 'made')
      const args = ['db', 'export', '--data', data, '--chain']
      const before = readFileSync(chain)
      assert.match(await refusalOf([...args, chain]), /cannot write .*EEXIST.*: name a new file with --chain/)
      assert.deepEqual(readFileSync(chain), before)
      assert.match(await refusalOf([...args, join(scratch, 'no', 'where')]), /ENOENT/)
      assert.match(await refusalOf(['db', 'export', '--data', scratch, '--chain', 'x']), /no database in/)
    }))
})

test('the chain of execution-apis is imported', { skip: SHARED_SKIP }, () =>
  withScratch(async (scratch) => {
    const files = untar('rpc/execution-apis-d08382ae.tar.gz')
    const named = (name: string): string => {
      const [, bytes] = [...files].find(([path]) => path.endsWith(`/tests/${name}`)) ?? []
      const path = join(scratch, name)
      writeFileSync(path, present(bytes, name))
      return path
    }
    const data = join(scratch, 'data')
    const args = ['--genesis', named('genesis.json'), '--chain', named('chain.rlp'), '--data', data]
    const summary = JSON.parse(await outputOf(['import', ...args, '--json'])) as Summary
    assert.equal(summary.hash, '0x514c48e760c62a38f91e011149b1b4a619bb3a7f750ec4430061bf19c3336635')
    assert.match(
      await outputOf(['db', 'verify', '--data', data]),
      /head 20: 21 blocks.*\nthe database is sound/,
    )
  }),
)

function blocksIn(bytes: Uint8Array): Block[] {
  const blocks: Block[] = []
  for (let at = 0; at < bytes.length;) {
    const size = present(rlpItemSize(bytes.subarray(at)), 'size of a block')
    blocks.push(decodeBlock(bytes.subarray(at, at + size)))
    at += size
  }
  return blocks
}

function writeBlocks(path: string, blocks: readonly Block[]): void {
  writeFileSync(path, Buffer.concat(blocks.map(encodeBlock)))
}

function withHeader({ header, transactions, ommers, withdrawals }: Block, changes: Partial<Header>): Block {
  assert.deepEqual(ommers, [])
  return blockFromParts({ ...header, ...changes }, transactions, withdrawals ?? [])
}
