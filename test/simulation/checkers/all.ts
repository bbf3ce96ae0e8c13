/** All checkers; they always watch. */
import type { World } from '../world.ts'
import { agreement } from './agreement.ts'
import { blameIsDeserved } from './blame-is-deserved.ts'
import { boundedMemory } from './bounded-memory.ts'
import { certificates } from './certificates.ts'
import type { Checker } from './checker.ts'
import { honestStatements } from './honest-statements.ts'
import { requestRate } from './request-rate.ts'
import { validity } from './validity.ts'

export function makeCheckers(world: World): Checker[] {
  return [
    agreement(world),
    validity(world),
    certificates(world),
    honestStatements(world),
    blameIsDeserved(world),
    boundedMemory(world),
    requestRate(world),
  ]
}
