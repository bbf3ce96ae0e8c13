/** LOG0 … LOG4. */
import { wordToHash, type Hash } from '../../../src/primitives/bytes.ts'
import { LOG_DATA_BYTE } from '../gas.ts'
import { OUT_OF_GAS, STATIC_VIOLATION } from '../halts.ts'
import { charge, expandMemory, pop, popNumber, type Handler } from '../machine.ts'
import { sliceMemory } from '../memory.ts'

export function log(topicCount: number): Handler {
  return (machine) => {
    if (machine.message.isStatic) return STATIC_VIOLATION
    const offset = popNumber(machine)
    const size = popNumber(machine)
    const topics: Hash[] = []
    for (let i = 0; i < topicCount; i++) topics.push(wordToHash(pop(machine)))
    if (!charge(machine, LOG_DATA_BYTE * size)) return OUT_OF_GAS
    if (!expandMemory(machine, offset, size)) return OUT_OF_GAS
    machine.host.log(machine.message.address, topics, sliceMemory(machine.memory, offset, size))
    return undefined
  }
}
