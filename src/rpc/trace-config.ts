/** Which tracer a request wants, with which options (geth's TraceConfig). */
import { CallTracer } from '../execution/tracers/call-tracer.ts'
import { FourByteTracer } from '../execution/tracers/four-byte-tracer.ts'
import { MuxTracer } from '../execution/tracers/mux-tracer.ts'
import { PrestateTracer } from '../execution/tracers/prestate-tracer.ts'
import { StructLogTracer } from '../execution/tracers/struct-log-tracer.ts'
import type { TraceBudget, Tracer } from '../execution/tracers/tracer.ts'
import { invalidParams } from './errors.ts'
import {
  isAbsent,
  optional,
  parseBoolean,
  parseLooseNumber,
  parseObject,
  parseString,
  type JsonObject,
} from './parse.ts'

/** What makes a tracer for one transaction. */
export interface TracerInput {
  readonly budget: TraceBudget
  /** Logs that the transactions before it left in the block. */
  readonly firstLogIndex: number
}

/** Makes a tracer for each transaction of a request. */
export type TracerFactory = (input: TracerInput) => Tracer

const LIMIT_MAX = Number.MAX_SAFE_INTEGER
/** Tracers beside each other in a mux. */
const MUX_MAX = 8

/** By name; each reads its `tracerConfig` at once, so that mistakes are found before anything runs. */
const TRACERS: Readonly<Record<string, (config: JsonObject, where: string) => TracerFactory>> = {
  callTracer(config, where) {
    const options = {
      onlyTopCall: flag(config, 'onlyTopCall', where),
      withLog: flag(config, 'withLog', where),
    }
    return ({ budget, firstLogIndex }) => new CallTracer(options, budget, firstLogIndex)
  },
  prestateTracer(config, where) {
    const options = {
      diffMode: flag(config, 'diffMode', where),
      disableCode: flag(config, 'disableCode', where),
      disableStorage: flag(config, 'disableStorage', where),
      includeEmpty: flag(config, 'includeEmpty', where),
    }
    return ({ budget }) => new PrestateTracer(options, budget)
  },
  '4byteTracer': () => () => new FourByteTracer(),
  noopTracer: () => () => ({ result: () => ({}) }),
  muxTracer(config, where) {
    const names = Object.keys(config)
    if (names.length > MUX_MAX)
      throw invalidParams(`${where}: at most ${MUX_MAX} tracers run beside each other`)
    if (names.includes('muxTracer')) throw invalidParams(`${where}: a muxTracer cannot hold another one`)
    const factories = names.map((name): [string, TracerFactory] => [
      name,
      namedTracer(name, config[name], `${where}.${name}`),
    ])
    return (input) => new MuxTracer(new Map(factories.map(([name, factory]) => [name, factory(input)])))
  },
}

/** What the trace methods take behind the transaction; struct logs when it names no tracer. */
export function parseTraceConfig(value: unknown, where: string): TracerFactory {
  const config = isAbsent(value) ? {} : parseObject(value, where)
  const name = optional(config['tracer'], `${where}.tracer`, parseString)
  if (name !== undefined && name !== '') {
    return namedTracer(name, config['tracerConfig'], `${where}.tracerConfig`)
  }
  const options = {
    disableStack: flag(config, 'disableStack', where),
    disableStorage: flag(config, 'disableStorage', where),
    enableMemory: flag(config, 'enableMemory', where),
    enableReturnData: flag(config, 'enableReturnData', where),
    limit:
      optional(config['limit'], `${where}.limit`, (limit, path) =>
        parseLooseNumber(limit, path, LIMIT_MAX),
      ) ?? 0,
  }
  return ({ budget }) => new StructLogTracer(options, budget)
}

function namedTracer(name: string, value: unknown, where: string): TracerFactory {
  const parse = Object.hasOwn(TRACERS, name) ? TRACERS[name] : undefined
  if (parse === undefined) {
    const known = Object.keys(TRACERS).join(', ')
    // JavaScript tracers are objects with functions; this node runs no code of its clients outside of an engine.
    const what = name.includes('{')
      ? 'JavaScript tracers are not supported'
      : `unknown tracer ${JSON.stringify(name)}`
    throw invalidParams(`${what}: use one of ${known}, or none for struct logs`)
  }
  return parse(isAbsent(value) ? {} : parseObject(value, where), where)
}

function flag(config: JsonObject, name: string, where: string): boolean {
  return optional(config[name], `${where}.${name}`, parseBoolean) ?? false
}
