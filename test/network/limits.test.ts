/** Rates and penalty points: what a peer may do, what it costs, and when it is forgotten. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BAN_POINTS, HALF_LIFE_MS, PeerScores, RELEASE_POINTS } from '../../src/network/peer-scores.ts'
import { TokenBucket } from '../../src/network/token-bucket.ts'

describe('a token bucket', () => {
  test('lets a burst pass and then the rate', () => {
    const bucket = new TokenBucket(10, 5, 0)
    assert.deepEqual(
      Array.from({ length: 7 }, () => bucket.tryTake(1, 0)),
      [true, true, true, true, true, false, false],
    )
    assert.equal(bucket.tryTake(1, 99), false)
    assert.equal(bucket.tryTake(1, 101), true)
    assert.equal(bucket.tryTake(1, 101), false)
  })

  test('holds no more than its burst, however long it waits', () => {
    const bucket = new TokenBucket(10, 5, 0)
    assert.equal(bucket.tryTake(5, 1e9), true)
    assert.equal(bucket.tryTake(1, 1e9), false)
  })

  test('says how long a debt takes to be paid', () => {
    const bucket = new TokenBucket(1000, 100, 0)
    assert.equal(bucket.take(100, 0), 0)
    assert.equal(bucket.take(250, 0), 250)
    assert.equal(bucket.take(0, 250), 0)
  })

  test('gains nothing from a clock that is set back', () => {
    const bucket = new TokenBucket(1000, 1, 10_000)
    assert.equal(bucket.tryTake(1, 10_000), true)
    assert.equal(bucket.tryTake(1, 5_000), false)
    assert.equal(bucket.tryTake(1, 5_001), true)
  })
})

describe('a peer', () => {
  const peer = '0x01'

  test('is banned by one offence that no honest peer commits', () => {
    const scores = new PeerScores()
    assert.equal(scores.add(peer, 'oversize', 0), true)
    assert.equal(scores.isBanned(peer, 0), true)
    assert.equal(scores.add(peer, 'oversize', 0), false, 'a ban is news once')
  })

  test('is banned by many small offences in a short time only', () => {
    const quick = new PeerScores()
    const bans = Array.from({ length: 100 }, () => quick.add(peer, 'useless', 0))
    assert.equal(bans.indexOf(true), BAN_POINTS - 1)
    const slow = new PeerScores()
    for (let i = 0; i < 1000; i++) assert.equal(slow.add(peer, 'useless', i * 10_000), false)
  })

  test('is released when its points have decayed, sooner for a first ban than after many', () => {
    const once = new PeerScores()
    once.add(peer, 'oversize', 0)
    assert.equal(once.isBanned(peer, HALF_LIFE_MS - 1), true)
    assert.equal(once.isBanned(peer, HALF_LIFE_MS + 1), false)
    assert.ok(once.points(peer, HALF_LIFE_MS + 1) <= RELEASE_POINTS)
    const often = new PeerScores()
    for (let i = 0; i < 50; i++) often.add(peer, 'oversize', 0)
    assert.equal(often.isBanned(peer, 2 * HALF_LIFE_MS), true)
    assert.equal(often.isBanned(peer, 3 * HALF_LIFE_MS + 1), false, 'no ban is for ever')
  })

  test('does not make others forgotten that are worse', () => {
    const scores = new PeerScores()
    scores.add(peer, 'oversize', 0)
    for (let i = 0; i < 20_000; i++) scores.add(`0x${i.toString(16).padStart(8, '0')}`, 'useless', 1)
    assert.equal(scores.isBanned(peer, 2), true)
  })
})
