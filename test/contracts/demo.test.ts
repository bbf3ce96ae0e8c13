/** `npm run demo` on a node of its own: the story it tells has the right numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DemoError, runDemo } from '../../contracts/demo.ts'
import { startDemoNode } from '../../contracts/demo-node.ts'

test('a market is deployed, used and left, and the numbers add up', async () => {
  const node = await startDemoNode()
  const lines: string[] = []
  try {
    await runDemo(node.url, (line) => lines.push(line))
  } finally {
    await node.close()
  }
  const story = lines.join('\n')
  assert.match(story, /reserves: 10000 GOLD, 40000 SILV; 1 GOLD = 4\.0000 SILV/)
  // 100·0.997·40,000 / (10,000 + 100·0.997), to 18 digits.
  assert.match(story, /the trader now has 394\.86321375882451954 SILV/)
  assert.match(story, /AmountBelowMinimum: 387\.13\d* SILV offered, at least 789\.72\d* asked for/)
  assert.match(story, /Done at block 12\.$/)
})

test('where no node answers, the cure is named', async () => {
  const isCure = (error: unknown): boolean => error instanceof DemoError && /npm start/.test(error.message)
  // Port 1 is reserved, and nobody listens on it.
  await assert.rejects(
    runDemo('http://127.0.0.1:1', () => {}),
    isCure,
  )
})
