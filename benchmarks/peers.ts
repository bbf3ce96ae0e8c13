/**
 * The nodes that ours is measured beside: anvil and Hardhat, which `test/clients` names and installs into `.cache/`.
 */
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installClients } from '../test/support/clients.ts'
import type { Command } from './processes.ts'

const INSTALLS = fileURLToPath(new URL('../.cache/clients', import.meta.url))

export interface Peer {
  readonly name: string
  readonly version: string
  /** A development node with the peer's own defaults. */
  readonly command: (port: number) => Command
}

/**
 * Those that are there.
 * @param options.install fetches what is missing first: 400 MB.
 * @returns why there are none instead, for people
 */
export async function findPeers(options: { readonly install: boolean }): Promise<readonly Peer[] | string> {
  const refusal = options.install ? await installClients() : undefined
  if (typeof refusal === 'string') return refusal
  const modules = globSync('*/node_modules', { cwd: INSTALLS, exclude: ['*.new'] }).map((path) =>
    join(INSTALLS, path),
  )
  const peers = modules
    .flatMap((folder) => [anvil(folder), hardhat(folder)])
    .filter((peer) => peer !== undefined)
  return peers.length > 0 ? peers : 'they are not installed: npm run bench -- startup --install-peers'
}

function anvil(modules: string): Peer | undefined {
  // The program itself: the package's own entry is a script that starts it, which would count as anvil's time.
  const platform = `anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  const file = join(
    modules,
    '@foundry-rs',
    platform,
    'bin',
    process.platform === 'win32' ? 'anvil.exe' : 'anvil',
  )
  if (!existsSync(file)) return undefined
  return {
    name: 'anvil',
    version: versionOf(modules, '@foundry-rs/anvil'),
    command: (port) => ({ file, args: ['--port', `${port}`] }),
  }
}

function hardhat(modules: string): Peer | undefined {
  const program = join(modules, 'hardhat/dist/src/cli.js')
  if (!existsSync(program)) return undefined
  return {
    name: 'Hardhat',
    version: versionOf(modules, 'hardhat'),
    command: (port) => ({
      file: process.execPath,
      args: [program, 'node', '--port', `${port}`],
      cwd: emptyProject(modules),
    }),
  }
}

/** Hardhat runs in a project only: here one without plugins or sources. */
function emptyProject(modules: string): string {
  const folder = join(modules, '../empty-project')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
  writeFileSync(join(folder, 'hardhat.config.js'), 'export default {}\n')
  return folder
}

function versionOf(modules: string, name: string): string {
  const manifest = readFileSync(join(modules, name, 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
