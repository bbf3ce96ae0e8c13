/** A short attack on a node of a running network: it goes on, agrees with the others, and blames nobody who is honest. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { transfer } from '../support/transfer.ts'
import { HandlerAttack } from './live/handler-attack.ts'
import { openLiveNetwork, type LiveNetwork } from './live/live-network.ts'

const CASES = 250
const PATIENCE_MS = 180_000

let network: LiveNetwork
before(async () => {
  network = await openLiveNetwork()
})
after(() => network.close())

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS
  while (!isTrue()) {
    assert.ok(Date.now() < endMs, `waited in vain until ${what}`)
    await pause(20)
  }
}

test('members that lie in every way change nothing for the others', async () => {
  const { nodes, tap, failures } = network
  const [victim = assert.fail()] = nodes
  let nonce = 0n
  const seal = async (): Promise<void> => {
    const target = victim.chain.ledger.committed('sealed') + 3n
    while (victim.chain.ledger.committed('sealed') < target) {
      await victim.backend.submit(transfer(nonce++).bytes)
      const { number } = victim.chain.ledger.head()
      await until(`a block follows ${number}`, () => victim.chain.ledger.head().number > number)
    }
  }
  await seal()
  tap.connect(true)
  const attack = new HandlerAttack(network, 'short attack')
  for (let number = 0; number < CASES; number++) {
    const { from, messages } = attack.make(number)
    for (const { messageClass, bytes } of messages) await tap.inject(from, messageClass, bytes)
    // The node's answers, timers and threads have their turn in between.
    if (number % 10 === 0) await pause(1)
  }
  await seal()
  assert.deepEqual(failures, [])
  assert.deepEqual(tap.honestOffences, {})
  assert.ok((tap.offences['invalid-message'] ?? 0) > 0, 'offences are noticed')
  tap.connect(false)
  const common = nodes.map(({ chain }) => chain.ledger.committed('sealed')).reduce((a, b) => (a < b ? a : b))
  assert.equal(new Set(nodes.map(({ chain }) => chain.ledger.hashOf(common))).size, 1)
})
