/**
 * What can be seen of an engine from outside: the frames it was asked to run, and how each run of one ended. Lines of
 * text, so that the first one in which two engines differ tells where they part.
 */
import { bytesToHex } from '../../../src/primitives/bytes.ts'
import type { Engine, Frame, Message } from '../../../runtime/host.ts'
import type { Outcome } from '../../../runtime/outcome.ts'

/** Longer byte strings are told by size and checksum. */
const BYTES_SHOWN_MAX = 68

/** The engine, with everything its frames do written down. */
export function recorded(engine: Engine, lines: string[]): Engine {
  return {
    name: engine.name,
    start(message, host, rules, tracer): Frame {
      lines.push(tellMessage(message))
      const frame = engine.start(message, host, rules, tracer)
      const note = (outcome: Outcome): Outcome => {
        lines.push(`${message.depth} ${tellOutcome(outcome)}`)
        return outcome
      }
      return { message, run: () => note(frame.run()), resume: (...ended) => note(frame.resume(...ended)) }
    },
  }
}

function tellMessage({ depth, isStatic, gas, address, caller, value, input, code }: Message): string {
  const kind = isStatic ? 'static' : 'frame'
  return `${depth} ${kind} of ${address} from ${caller} value ${value} gas ${gas} input ${digest(input)} code ${digest(code)}`
}

function tellOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'return':
    case 'revert':
      return `${outcome.kind} gas ${outcome.gasLeft} output ${digest(outcome.output)}`
    case 'halt':
      return `halt ${outcome.reason}`
    case 'call': {
      const { kind, gas, to, codeAddress, isDelegated, caller, value, transfersValue, isStatic, input } =
        outcome.request
      const marks = `${isDelegated ? ' delegated' : ''}${transfersValue ? ' transfers' : ''}${isStatic ? ' static' : ''}`
      return `${kind} gas ${gas} to ${to} code ${codeAddress} caller ${caller} value ${value}${marks} input ${digest(input)}`
    }
    case 'create': {
      const { gas, creator, value, initcode, salt } = outcome.request
      return `create gas ${gas} by ${creator} value ${value} salt ${salt} initcode ${digest(initcode)}`
    }
  }
}

function digest(bytes: Uint8Array): string {
  if (bytes.length <= BYTES_SHOWN_MAX) return bytesToHex(bytes)
  let sum = 0x811c_9dc5
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x0100_0193)
  return `${bytes.length} bytes #${(sum >>> 0).toString(16)}`
}
