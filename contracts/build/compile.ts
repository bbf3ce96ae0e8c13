/**
 * Compiles the Solidity sources under `contracts/` with the pinned solc, for tests, the demo and whoever runs
 * `npm run contracts`. Loading the compiler and compiling takes seconds, so a result is kept under `.cache/`, named by
 * a hash of all that it depends on: sources, settings, compiler version. Any change is a new name; nothing gets stale.
 *
 * Input and output: https://docs.soliditylang.org/en/latest/using-the-compiler.html (standard JSON).
 */
import { createHash } from 'node:crypto'
import { globSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Hex } from '../../src/primitives/bytes.ts'
import { present } from '../../src/primitives/assert.ts'
import { AevirError } from '../../src/primitives/errors.ts'
import { writeSystemCode } from './system-code.ts'

const CONTRACTS = fileURLToPath(new URL('..', import.meta.url))
const CACHE = fileURLToPath(new URL('../../.cache/contracts', import.meta.url))
/** Results of this many different inputs stay cached: a few branches' worth. */
const CACHED_RESULTS_MAX = 8

/** Everything the compiler is told beside the sources. Osaka is the newest fork that solc 0.8.37 and the node know. */
const SETTINGS = {
  evmVersion: 'osaka',
  optimizer: { enabled: true, runs: 200 },
  // Without the metadata hash, equal code compiles to equal bytes however its comments change.
  metadata: { bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
}

/** A compiled contract. */
export interface ContractArtifact {
  readonly name: string
  /** Source file relative to `contracts/`, such as `defi/AmmPair.sol`. */
  readonly source: string
  /** The JSON interface, as Ethereum libraries take it. */
  readonly abi: readonly unknown[]
  /** Initcode without constructor arguments; `0x` for interfaces and abstract contracts. */
  readonly bytecode: Hex
  /** Runtime code with immutables still zero. */
  readonly deployedBytecode: Hex
}

/** Artifacts by contract name; names are unique over all sources. */
export type ContractArtifacts = ReadonlyMap<string, ContractArtifact>

/** The compiler refused the sources; the message holds each complaint with file, line and the line's text. */
export class ContractBuildError extends AevirError {
  override readonly code = 'CONTRACT_BUILD_FAILED'
}

interface CompilerOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[]
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, CompiledContract>>>>
}

interface CompiledContract {
  readonly abi: readonly unknown[]
  readonly evm: { readonly bytecode: { object: string }; readonly deployedBytecode: { object: string } }
}

/**
 * Every contract under `contracts/`, from the cache where nothing has changed.
 * @param report receives a line for people when real work is done; silent by default.
 * @throws ContractBuildError when a source does not compile; warnings count, for they are mistakes too.
 */
export async function compileContracts(
  report: (line: string) => void = () => {},
): Promise<ContractArtifacts> {
  const sources = readSources()
  const input = JSON.stringify({ language: 'Solidity', sources, settings: SETTINGS })
  const key = createHash('sha256').update(compilerVersion()).update(input).digest('hex')
  const cached = readCache(key)
  if (cached !== undefined) return byName(cached)
  report(`compiling ${Object.keys(sources).length} Solidity files with solc ${compilerVersion()} …`)
  const startMs = performance.now()
  // Loaded only now: the compiler is 9 MB of JavaScript.
  const { default: solc } = await import('solc')
  const artifacts = readOutput(JSON.parse(solc.compile(input)) as CompilerOutput)
  writeCache(key, artifacts)
  report(`compiled ${artifacts.length} contracts in ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
  return byName(artifacts)
}

/** A contract of {@link compileContracts}. @throws AssertionFailure when there is none of this name. */
export function artifactOf(artifacts: ContractArtifacts, name: string): ContractArtifact {
  return present(artifacts.get(name), `contract ${name} (known: ${[...artifacts.keys()].join(', ')})`)
}

function readSources(): Record<string, { content: string }> {
  const paths = globSync('**/*.sol', { cwd: CONTRACTS }).toSorted()
  return Object.fromEntries(
    paths.map((path) => [
      path.replaceAll(sep, '/'),
      { content: readFileSync(join(CONTRACTS, path), 'utf8').replaceAll('\r\n', '\n') },
    ]),
  )
}

function compilerVersion(): string {
  const manifest = createRequire(import.meta.url).resolve('solc/package.json')
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

function readOutput({ errors = [], contracts = {} }: CompilerOutput): ContractArtifact[] {
  if (errors.length > 0) {
    const counted = errors.length === 1 ? 'one complaint' : `${errors.length} complaints`
    const messages = errors.map(({ formattedMessage }) => formattedMessage.trimEnd())
    throw new ContractBuildError(`solc has ${counted} about the contracts:\n\n${messages.join('\n\n')}`)
  }
  return Object.entries(contracts).flatMap(([source, compiled]) =>
    Object.entries(compiled).map(([name, { abi, evm }]): ContractArtifact => ({
      name,
      source,
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      deployedBytecode: `0x${evm.deployedBytecode.object}`,
    })),
  )
}

function byName(artifacts: readonly ContractArtifact[]): ContractArtifacts {
  const found = new Map<string, ContractArtifact>()
  for (const artifact of artifacts) {
    const other = found.get(artifact.name)
    if (other !== undefined) {
      throw new ContractBuildError(`${other.source} and ${artifact.source} both define ${artifact.name}`)
    }
    found.set(artifact.name, artifact)
  }
  return found
}

function readCache(key: string): readonly ContractArtifact[] | undefined {
  try {
    // Written by writeCache below, whole or not at all.
    return JSON.parse(readFileSync(join(CACHE, `${key}.json`), 'utf8')) as ContractArtifact[]
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Several processes may do this at the same time: each writes a file of its own and renames it in one step. */
function writeCache(key: string, artifacts: readonly ContractArtifact[]): void {
  mkdirSync(CACHE, { recursive: true })
  const scratch = join(CACHE, `${key}.${process.pid}.tmp`)
  writeFileSync(scratch, JSON.stringify(artifacts))
  renameSync(scratch, join(CACHE, `${key}.json`))
  const results = readdirSync(CACHE).filter((name) => name.endsWith('.json') && name !== `${key}.json`)
  // Which of the old results go does not matter: all can be made again.
  for (const name of results.slice(CACHED_RESULTS_MAX - 1)) rmSync(join(CACHE, name), { force: true })
}

if (import.meta.main) {
  try {
    const artifacts = await compileContracts((line) => console.log(line))
    for (const { name, source, bytecode, deployedBytecode } of artifacts.values()) {
      if (bytecode === '0x') continue
      console.log(
        `${name.padEnd(14)} ${String(deployedBytecode.length / 2 - 1).padStart(6)} bytes  ${source}`,
      )
    }
    if (writeSystemCode(artifacts)) console.log('the code of the system contracts has changed')
  } catch (error) {
    if (!(error instanceof ContractBuildError)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}
