/** What the library below does not do for us: a connection that ends in a bad moment must not end the process. */
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { startHost, type Host } from '../../src/network/libp2p-host.ts'
import { systemClock } from '../../src/node/system-clock.ts'

const PROTOCOL = '/test/1'

function hostOf(number: number, listen: readonly string[]): Promise<Host> {
  return startHost({
    clock: systemClock,
    identitySeed: new Uint8Array(32).fill(number),
    listen,
    connectionsMax: 10,
    connectionRateMax: 10,
    isBanned: () => false,
    gossip: {
      clock: systemClock,
      chainTag: 'test',
      isAdmitted: async () => true,
      onMessage: () => 'ignore',
      points: () => 0,
    },
  })
}

test('a stream that is opened on a connection which takes nothing more fails alone', async () => {
  const [listening, dialling] = [await hostOf(1, ['/ip4/127.0.0.1/tcp/0']), await hostOf(2, [])]
  try {
    await listening.handle(PROTOCOL, () => {})
    const connection = await dialling.dial(listening.addresses(), listening.peerId)
    // The peer has closed its end, and ours is about to follow: the streams have not heard of it yet.
    // Fields of the class behind the interface.
    const { muxer } = connection as unknown as { muxer: { maConn: { writeStatus: string } } }
    const opening = connection.newStream(PROTOCOL)
    muxer.maConn.writeStatus = 'closing'
    // What is thrown in a microtask would end this process, and fails this test.
    await setImmediate()
    muxer.maConn.writeStatus = 'closed'
    connection.abort(new Error('gone'))
    await assert.rejects(opening)
  } finally {
    await dialling.stop()
    await listening.stop()
  }
})
