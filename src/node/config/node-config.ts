/**
 * The configuration of a node: a TOML file, usually `aevir.toml`. The table of settings below is all there is; a name
 * that is not in it is an error, for a setting that is silently ignored is worse than none. Paths are relative to the
 * directory of the file. What the command line and the environment say takes precedence; who calls this decides it.
 */
import { dirname, resolve } from 'node:path'
import { parse, stringify, TomlError } from 'smol-toml'
import { AevirError } from '../../primitives/errors.ts'
import { nearestName } from '../../rpc/nearest-name.ts'
import { LOG_LEVELS, type LogLevel } from '../log.ts'
import { LOG_FORMATS, type LogFormat } from '../structured-log.ts'

/** Time-outs of consensus: for round trips of up to 100 ms, or of up to 300 ms. */
export const TIMINGS = ['regional', 'global'] as const
export type TimingName = (typeof TIMINGS)[number]

export interface NodeConfig {
  /** Directory of the database and the logs of consensus. */
  readonly data: string
  /** Genesis file of the network. */
  readonly genesis: string
  readonly engine: string
  /** Directory of the keys. */
  readonly keys: string
  /** `undefined`: the environment has the password. */
  readonly passwordFile: string | undefined
  /** Whether the node follows on purpose, with a key that the network does not know. */
  readonly follow: boolean
  /** Blocks behind the head whose state is kept. */
  readonly history: number
  /** Multiaddrs. */
  readonly listen: readonly string[]
  /** Where others reach the node, when that is not where it listens. */
  readonly announce: readonly string[] | undefined
  readonly bootstrap: readonly string[]
  readonly timing: TimingName
  readonly rpcHost: string
  readonly rpcPort: number
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

export class ConfigError extends AevirError {
  override readonly code = 'CONFIG'
  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path}: ${problem}`, options)
  }
}

interface Setting {
  readonly section: string
  readonly name: string
  readonly kind: Kind
  /** Of what the file need not say; `undefined` where it must. */
  readonly fallback?: NodeConfig[keyof NodeConfig]
  /** Whether there may be nothing at all. */
  readonly isOptional?: true
}

type Kind =
  | { readonly kind: 'path' | 'text' | 'texts' | 'flag' }
  | { readonly kind: 'number'; readonly max: number }
  | { readonly kind: 'choice'; readonly of: readonly string[] }

const PORT_MAX = 65_535
const HISTORY_MAX = 1_000_000_000

/** All settings; their names in the file. */
const SETTINGS: Readonly<Record<keyof NodeConfig, Setting>> = {
  data: { section: 'node', name: 'data', kind: { kind: 'path' } },
  genesis: { section: 'node', name: 'genesis', kind: { kind: 'path' } },
  engine: { section: 'node', name: 'engine', kind: { kind: 'text' }, fallback: 'tiered' },
  keys: { section: 'node', name: 'keys', kind: { kind: 'path' } },
  passwordFile: { section: 'node', name: 'password-file', kind: { kind: 'path' }, isOptional: true },
  follow: { section: 'node', name: 'follow', kind: { kind: 'flag' }, fallback: false },
  history: {
    section: 'node',
    name: 'history',
    kind: { kind: 'number', max: HISTORY_MAX },
    fallback: 10_000,
  },
  listen: {
    section: 'network',
    name: 'listen',
    kind: { kind: 'texts' },
    fallback: ['/ip4/0.0.0.0/tcp/30303'],
  },
  announce: { section: 'network', name: 'announce', kind: { kind: 'texts' }, isOptional: true },
  bootstrap: { section: 'network', name: 'bootstrap', kind: { kind: 'texts' }, fallback: [] },
  timing: {
    section: 'network',
    name: 'timing',
    kind: { kind: 'choice', of: TIMINGS },
    fallback: 'regional',
  },
  rpcHost: { section: 'rpc', name: 'host', kind: { kind: 'text' }, fallback: '127.0.0.1' },
  rpcPort: { section: 'rpc', name: 'port', kind: { kind: 'number', max: PORT_MAX }, fallback: 8545 },
  logLevel: { section: 'log', name: 'level', kind: { kind: 'choice', of: LOG_LEVELS }, fallback: 'info' },
  logFormat: { section: 'log', name: 'format', kind: { kind: 'choice', of: LOG_FORMATS }, fallback: 'auto' },
}
// The keys of the table are the settings.
const KEYS = Object.keys(SETTINGS) as readonly (keyof NodeConfig)[]

/** What takes the place of what the file says; `undefined` leaves it. */
export type ConfigOverrides = { readonly [K in keyof NodeConfig]?: NodeConfig[K] | undefined }

/** @param path of the file that `text` is from. @throws ConfigError */
export function parseNodeConfig(text: string, path: string, overrides: ConfigOverrides = {}): NodeConfig {
  const sections = readSections(text, path)
  const values = KEYS.map((key) => {
    const override = overrides[key]
    return [key, override === undefined ? readSetting(sections, SETTINGS[key], path) : override] as const
  })
  // Each value is of the kind that the table gives its key.
  return Object.fromEntries(values) as unknown as NodeConfig
}

/** A file that says what differs from the defaults. @param config with paths as they are to stand there. */
export function formatNodeConfig(config: ConfigOverrides): string {
  const sections = new Map<string, Record<string, NodeConfig[keyof NodeConfig]>>()
  for (const key of KEYS) {
    const { section, name } = SETTINGS[key]
    const value = config[key]
    if (value === undefined) continue
    sections.set(section, { ...sections.get(section), [name]: value })
  }
  return `${stringify(Object.fromEntries(sections))}\n`
}

type Sections = ReadonlyMap<string, ReadonlyMap<string, unknown>>

function readSections(text: string, path: string): Sections {
  const sections = new Map<string, ReadonlyMap<string, unknown>>()
  for (const [section, table] of Object.entries(parseToml(text, path))) {
    const known = KEYS.filter((key) => SETTINGS[key].section === section).map((key) => SETTINGS[key].name)
    if (known.length === 0) throw unknown(path, `[${section}]`, section, [...sectionNames()])
    if (typeof table !== 'object' || table === null || Array.isArray(table)) {
      throw new ConfigError(path, `"${section}" must be a section: write [${section}] on a line of its own`)
    }
    const values = new Map(Object.entries(table))
    for (const name of values.keys()) {
      if (!known.includes(name)) throw unknown(path, `"${name}" in [${section}]`, name, known)
    }
    sections.set(section, values)
  }
  return sections
}

function parseToml(text: string, path: string): object {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [what = 'it is not TOML'] = error.message.replace(/^Invalid TOML document: /, '').split('\n')
    throw new ConfigError(path, `line ${error.line}, column ${error.column}: ${what}`, { cause: error })
  }
}

function sectionNames(): ReadonlySet<string> {
  return new Set(KEYS.map((key) => SETTINGS[key].section))
}

function unknown(path: string, what: string, name: string, known: readonly string[]): ConfigError {
  const meant = nearestName(name, known)
  const hint = meant === undefined ? `known: ${known.join(', ')}` : `did you mean ${meant}?`
  return new ConfigError(path, `${what} is unknown; ${hint}`)
}

function readSetting(sections: Sections, setting: Setting, path: string): NodeConfig[keyof NodeConfig] {
  const { section, name, kind, fallback, isOptional } = setting
  const value = sections.get(section)?.get(name)
  const where = `"${name}" in [${section}]`
  if (value === undefined) {
    if (fallback !== undefined || isOptional === true) return fallback
    throw new ConfigError(path, `${where} is missing: add it, or make the file with aevir init`)
  }
  const refused = (expected: string): ConfigError => new ConfigError(path, `${where} must be ${expected}`)
  switch (kind.kind) {
    case 'path':
      if (typeof value !== 'string' || value === '') throw refused('a path in quotes')
      return resolve(dirname(path), value)
    case 'text':
      if (typeof value !== 'string' || value === '') throw refused('text in quotes')
      return value
    case 'texts':
      if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
        throw refused('a list of texts, such as ["/ip4/127.0.0.1/tcp/30303"]')
      }
      return value
    case 'flag':
      if (typeof value !== 'boolean') throw refused('true or false')
      return value
    case 'number': {
      const isFine = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= kind.max
      if (!isFine) throw refused(`a whole number from 0 to ${kind.max}`)
      return value
    }
    case 'choice': {
      const chosen = kind.of.find((choice) => choice === value)
      if (chosen === undefined) throw refused(`one of ${kind.of.map((choice) => `"${choice}"`).join(', ')}`)
      return chosen
    }
  }
}
