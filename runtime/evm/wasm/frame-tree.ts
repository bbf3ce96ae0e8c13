/** The frames whose state is in a machine's memory: a strict stack, for a call with everything below it. */
import type { OperatingFrame } from './host-operations.ts'
import type { ResidentEnding } from './resident-values.ts'

/** What a machine has to know of a frame whose state is in its memory. */
export interface ResidentFrame extends OperatingFrame {
  /** The frame under it in the machine: the next outer one that is there. */
  below: ResidentFrame | undefined
  /** Moves the state out of linear memory, to where the frame can go on by itself. Its record is in place. */
  evict(): void
  /** Return data that is too large for {@link RETURN_DATA}. */
  largeReturnData: Uint8Array | undefined
}

/**
 * The frames in a machine. Hot: as young as they are, since writing what is young into what is old, as the machine is,
 * costs 5 ns each time.
 */
export class FrameTree {
  /** The innermost frame, the only one that runs, and how many there are. */
  last: ResidentFrame | undefined = undefined
  frameCount = 0
  /** Whether the record in place is that of the last frame; if not, it is among the saved ones. */
  isRecordInPlace = false
  /** What the frame left that ended last, unless its caller went on: its record is in place, its memory is there. */
  ending: ResidentEnding | undefined = undefined
  /** Frames that are over and that nobody has any more. */
  idle: ResidentFrame | undefined = undefined
}
