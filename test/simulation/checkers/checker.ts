/**
 * What watches a world. A checker is told what honest nodes do and looks at them from time to time; when a promise is
 * broken it throws a {@link Violation}, and the seed of the world is a finding.
 */
import type { Blame } from '../../../src/consensus/simplex/events.ts'
import type { Evidence } from '../../../src/consensus/simplex/evidence.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import type { Block, Certificate } from '../../../src/consensus/simplex/types.ts'
import type { SimulatedNode } from '../node.ts'
import type { World } from '../world.ts'

export class Violation extends Error {
  readonly checker: string

  constructor(checker: string, message: string) {
    super(message)
    this.checker = checker
  }
}

export interface Checker {
  /** A message of an honest node, before the network has it. */
  onSent?(node: SimulatedNode, message: Message): void
  onNotarized?(node: SimulatedNode, block: Block, certificate: Certificate): void
  /** A block that a node, honest or not, was given as final for the first time in this life. */
  onFinalized?(node: SimulatedNode, block: Block, certificate: Certificate | undefined): void
  /** An honest node accuses. */
  onEvidence?(node: SimulatedNode, evidence: Evidence): void
  onBlame?(node: SimulatedNode, peer: number, reason: Blame): void
  /** From time to time. */
  sample?(): void
  end?(): void
}

export type MakeChecker = (world: World) => Checker
