/** Archives are built by hand here, so that these tests need no packed vectors. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { concatBytes } from '../../src/primitives/bytes.ts'
import { untar, untarGz } from './tar.ts'

const BLOCK_SIZE = 512
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const END = new Uint8Array(2 * BLOCK_SIZE)

/** One entry: a ustar header and its padded content. */
function entry(name: string, content: string, { type = '0', prefix = '' } = {}): Uint8Array {
  const bytes = utf8(content)
  const header = new Uint8Array(BLOCK_SIZE)
  header.set(utf8(name), 0)
  header.set(utf8(bytes.length.toString(8).padStart(11, '0')), 124)
  header.set(utf8('        '), 148)
  header.set(utf8(type), 156)
  header.set(utf8('ustar\0'), 257)
  header.set(utf8(prefix), 345)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.set(utf8(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  return concatBytes(header, bytes, new Uint8Array((BLOCK_SIZE - (bytes.length % BLOCK_SIZE)) % BLOCK_SIZE))
}

const texts = (files: Map<string, Uint8Array>): [string, string][] =>
  [...files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)])

test('regular files are read in order, folders are left out', () => {
  const archive = concatBytes(
    entry('b/', '', { type: '5' }),
    entry('b/one', '1'),
    entry('a', 'x'.repeat(600)),
    END,
  )
  assert.deepEqual(texts(untarGz(gzipSync(archive))), [
    ['b/one', '1'],
    ['a', 'x'.repeat(600)],
  ])
})

test('the ustar prefix is joined with a slash', () => {
  assert.deepEqual(texts(untar(entry('file', '1', { prefix: 'some/folder' }))), [['some/folder/file', '1']])
})

test('pax and GNU long names hold for the next entry only', () => {
  const long = `${'d'.repeat(120)}/é`
  // 'LENGTH path=…\n': the length counts itself; é takes two bytes.
  const record = `133 path=${long}\n`
  assert.equal(utf8(record).length, 133)
  const archive = concatBytes(
    entry('pax', record, { type: 'x' }),
    entry('short', '1'),
    entry('second', '2'),
    entry('././@LongLink', `${long}2\0`, { type: 'L' }),
    entry('short', '3'),
  )
  assert.deepEqual(texts(untar(archive)), [
    [long, '1'],
    ['second', '2'],
    [`${long}2`, '3'],
  ])
})

test('damage is refused', () => {
  const archive = entry('file', 'content')
  assert.throws(() => untar(archive.subarray(0, BLOCK_SIZE)), /truncated/)
  archive[0] = 0x21
  assert.throws(() => untar(archive), /checksum/)
})
