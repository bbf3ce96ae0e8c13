/**
 * Who tells whom of a new certificate. Votes go to all members, so that most of them make the certificate by themselves;
 * were each to send it to all others, there would be more copies than votes. One more copy than members may be silent, or
 * a few in a large committee, keeps a member whose votes were withheld from waiting for the repeats, which go to all.
 */
import type { CommitteeShape } from './config.ts'
import type { View } from './types.ts'

const COPIES_MAX = 3

/**
 * Whether the member `sender` sends a new certificate of `view` to the receiver with this number: a member's seat, or any
 * number of somebody who follows. Others in each view, so that those who are silent delay a view at most.
 */
export function announces(
  sender: number,
  receiver: number,
  view: View,
  { size, quorum }: CommitteeShape,
): boolean {
  const copies = Math.min(COPIES_MAX, size - quorum + 1)
  return (sender + view + receiver) % size < copies
}
