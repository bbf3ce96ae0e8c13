/**
 * The nodes that ours is measured beside: anvil and Hardhat, which `test/clients` installs when asked. A benchmark never
 * installs anything.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from './processes.ts'

const CLIENTS = fileURLToPath(new URL('../test/clients', import.meta.url))
const MODULES = join(CLIENTS, 'node_modules')

/** What installs them. */
export const INSTALL_PEERS = 'npm --prefix test/clients run setup'

export interface Peer {
  readonly name: string
  readonly version: string
  /** A development node with the peer's own defaults. */
  readonly command: (port: number) => Command
}

/** Those that are there. */
export function installedPeers(): readonly Peer[] {
  const found: Peer[] = []
  const anvil = anvilExecutable()
  if (anvil !== undefined) {
    const version = versionOf('@foundry-rs/anvil')
    found.push({
      name: 'anvil',
      version,
      command: (port) => ({ file: anvil, args: ['--port', `${port}`, '--silent'] }),
    })
  }
  const hardhat = join(MODULES, 'hardhat/dist/src/cli.js')
  if (existsSync(hardhat)) {
    found.push({
      name: 'Hardhat',
      version: versionOf('hardhat'),
      command: (port) => ({
        file: process.execPath,
        args: [hardhat, 'node', '--port', `${port}`],
        cwd: CLIENTS,
      }),
    })
  }
  return found
}

/** The program itself: the package's own entry is a script that starts it, which would count as anvil's time. */
function anvilExecutable(): string | undefined {
  const platform = `anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  const path = join(
    MODULES,
    '@foundry-rs',
    platform,
    'bin',
    process.platform === 'win32' ? 'anvil.exe' : 'anvil',
  )
  return existsSync(path) ? path : undefined
}

function versionOf(name: string): string {
  return (JSON.parse(readFileSync(join(MODULES, name, 'package.json'), 'utf8')) as { version: string })
    .version
}
