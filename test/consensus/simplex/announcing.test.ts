/** Who sends a new certificate to whom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announces } from '../../../src/consensus/simplex/announcing.ts'
import { COMMITTEE_SHAPES } from '../../../src/consensus/simplex/config.ts'
import type { View } from '../../../src/consensus/simplex/types.ts'

test('each receiver hears from one more than may be silent, at most three, and from all within a round of views', () => {
  for (const shape of COMMITTEE_SHAPES) {
    const seats = Array.from({ length: shape.size }, (_, seat) => seat)
    const copies = Math.min(3, shape.size - shape.quorum + 1)
    for (const receiver of [...seats, shape.size, 1000]) {
      const heard = new Set<number>()
      for (let view = 1; view <= shape.size; view++) {
        const senders = seats.filter((seat) => announces(seat, receiver, view as View, shape))
        assert.equal(senders.length, copies)
        for (const sender of senders) heard.add(sender)
      }
      assert.equal(heard.size, shape.size)
    }
  }
})
