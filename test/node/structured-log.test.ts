/** The log of a node: a line each, for programs or for people. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { createLog, type LogOptions } from '../../src/node/structured-log.ts'

function linesOf(options: Omit<LogOptions, 'stream'>, isTTY: boolean): string[] {
  const lines: string[] = []
  const stream = { isTTY, write: (line: string) => lines.push(line) }
  const log = createLog({ ...options, stream })
  log.debug('not said')
  log.info('an epoch begins', { layer: 'witness', epoch: 256, node: `0x${'ab'.repeat(48)}`, cure: undefined })
  log.error('a block is lost', { number: 2n ** 70n })
  return lines
}

test('JSON lines hold level, time, message and fields, and integers of any size as text', () => {
  const [info, error, ...more] = linesOf({ level: 'info', format: 'auto' }, false).map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  )
  assert.deepEqual(more, [])
  const { time, ...rest } = info ?? {}
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual(rest, {
    level: 'info',
    layer: 'witness',
    epoch: 256,
    node: `0x${'ab'.repeat(48)}`,
    msg: 'an epoch begins',
  })
  assert.deepEqual([error?.['level'], error?.['number']], ['error', `${2n ** 70n}`])
})

test('on a terminal there are lines for people, with ids shortened', () => {
  for (const lines of [
    linesOf({ level: 'info', format: 'auto' }, true),
    linesOf({ level: 'info', format: 'pretty' }, false),
  ]) {
    assert.equal(lines.length, 2)
    const plain = lines.map((line) => stripVTControlCharacters(line))
    assert.match(
      plain[0] ?? '',
      /^\d\d:\d\d:\d\d\.\d{3} INFO  an epoch begins  layer=witness epoch=256 node=0x(ab){8}…\n$/,
    )
    assert.match(plain[1] ?? '', /ERROR a block is lost  number=1180591620717411303424\n$/)
  }
})

test('JSON can be asked for on a terminal', () => {
  assert.ok(linesOf({ level: 'error', format: 'json' }, true).every((line) => line.startsWith('{')))
})
