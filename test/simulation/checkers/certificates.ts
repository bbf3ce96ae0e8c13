/**
 * Certificates of one view agree: one notarized block at most, and not both given up and final. Watches what honest nodes
 * hold, for they verified it.
 */
import type { Certificate } from '../../../src/consensus/simplex/types.ts'
import { describeStatement } from '../trace.ts'
import type { MakeChecker } from './checker.ts'

export const certificates: MakeChecker = (world) => {
  const blocks = new Map<number, Certificate>()
  const given = new Map<number, Certificate>()
  const finals = new Map<number, Certificate>()

  const watch = (certificate: Certificate): void => {
    const { kind, view } = certificate
    if (kind === 'nullify') given.set(view, certificate)
    else {
      const first = blocks.get(view) ?? certificate
      blocks.set(view, first)
      if (first.hash !== certificate.hash) clash(first, certificate)
      if (kind === 'finalize') finals.set(view, certificate)
    }
    const final = finals.get(view)
    const nullification = given.get(view)
    if (final !== undefined && nullification !== undefined) clash(final, nullification)
  }
  const clash = (first: Certificate, second: Certificate): never =>
    world.violate(
      'certificates',
      `${describeStatement(first)} and ${describeStatement(second)} are both certified`,
    )

  return {
    onSent(_, message) {
      if (message.kind === 'certificates' || message.kind === 'propose') message.certificates.forEach(watch)
    },
    onNotarized(node, _, certificate) {
      if (!node.isByzantine) watch(certificate)
    },
    onFinalized(node, _, certificate) {
      if (!node.isByzantine && certificate !== undefined) watch(certificate)
    },
  }
}
