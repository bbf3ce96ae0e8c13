/**
 * `aevir light verify` and `aevir light export`: sealed headers as a file that proves itself. Verifying needs the file and
 * the genesis of the network, no node and no database.
 */
import { closeSync, createReadStream, openSync, rmSync, writeSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { encodeHeader } from '../chain/block-codec.ts'
import { bls } from '../consensus/bls.ts'
import {
  endOfChain,
  genesisStart,
  lightState,
  verifyItem,
  type LightState,
} from '../consensus/light/light-verifier.ts'
import {
  encodeEnd,
  encodeItem,
  encodeStart,
  SealedChainReader,
} from '../consensus/light/sealed-chain-file.ts'
import { storedItems } from '../consensus/light/sealed-chain-source.ts'
import type { BlockReference } from '../consensus/plugin.ts'
import type { NetworkGenesis } from '../node/network-genesis.ts'
import { present } from '../primitives/assert.ts'
import { AevirError } from '../primitives/errors.ts'
import { readHeader } from '../storage/block-records.ts'
import { openConsensusStore } from '../storage/consensus-database.ts'
import { CorruptDatabaseError } from '../storage/database-errors.ts'
import type { KeyValueStore } from '../storage/key-value-store.ts'
import { readIdentity } from '../storage/meta-records.ts'
import { withExistingStore } from './existing-store.ts'
import { readNetworkFile } from './network-file.ts'
import { bar, printJson, ProgressLine } from './terminal.ts'

export interface LightVerifyOptions {
  readonly genesis: string
  readonly json?: boolean
}

export interface LightExportOptions {
  readonly data: string
  readonly json?: boolean
}

/** The file cannot be read or written, or is about another chain. */
export class LightFileError extends AevirError {
  override readonly code = 'LIGHT_FILE'
}

interface Verified {
  readonly headers: number
  readonly items: number
  readonly changes: number
  readonly seconds: number
  readonly last: BlockReference
}

// ---- Verify --------------------------------------------------------------------------------------------------------

/** @throws LightFileError | SealedChainFileError | LightClientError | GenesisError */
export async function runLightVerify(path: string, { genesis, json }: LightVerifyOptions): Promise<void> {
  const network = await readNetworkFile(genesis)
  const { headers, items, changes, seconds, last } = await verifyFile(path, network)
  if (json === true) {
    printJson({ headers, items, committeeChanges: changes, seconds, head: last.number, hash: last.hash })
    return
  }
  process.stdout.write(
    `${headers} sealed headers in ${items} items are proven, across ${changes} changes of committees, ` +
      `in ${seconds.toFixed(1)} s\nhead ${last.number} ${last.hash}\n`,
  )
}

async function verifyFile(path: string, network: NetworkGenesis): Promise<Verified> {
  const { genesis, block, nodes, parameters } = network
  const size = await stat(path).then(
    (file) => file.size,
    () => 0,
  )
  const reader = new SealedChainReader()
  const line = new ProgressLine()
  const startedMs = performance.now()
  let state = lightState(genesisStart(genesis.config.chainId, block, nodes, parameters, bls))
  let [bytes, headers] = [0, 0]
  try {
    for await (const chunk of chunksOf(path)) {
      const items = reader.push(chunk)
      checkStart(reader, path, network)
      for (const item of items) {
        const result = verifyItem(state, item)
        state = result.state
        headers += result.accepted.length
        line.show(progressOf(size === 0 ? 0 : bytes / size, headers, state))
      }
      bytes += chunk.length
    }
  } finally {
    line.clear()
  }
  const last = endOfChain(state, reader.end())
  const seconds = (performance.now() - startedMs) / 1000
  return { headers, items: state.itemCount, changes: state.cycle.cycle, seconds, last }
}

function progressOf(share: number, headers: number, { cycle }: LightState): string {
  return `${bar(share)} ${(100 * share).toFixed(0)} %  ${headers} headers, cycle ${cycle.cycle}`
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    // Buffers, as long as no encoding is set.
    for await (const chunk of createReadStream(path)) yield chunk as Uint8Array
  } catch (cause) {
    throw new LightFileError(
      `cannot read ${path} (${(cause as Error).message}): name a file of sealed headers`,
      {
        cause,
      },
    )
  }
}

function checkStart({ start }: SealedChainReader, path: string, { genesis, block }: NetworkGenesis): void {
  if (start === undefined) return
  const { chainId } = genesis.config
  const isOurs =
    start.chainId === chainId && start.block.number === block.number && start.block.hash === block.hash
  if (isOurs) return
  throw new LightFileError(
    `${path} begins after block ${start.block.number} ${start.block.hash} of chain ${start.chainId}, ` +
      `not with genesis ${block.hash} of chain ${chainId}: name the genesis file of its network with --genesis`,
  )
}

// ---- Export --------------------------------------------------------------------------------------------------------

/** @throws LightFileError | DatabaseError */
export async function runLightExport(path: string, { data, json }: LightExportOptions): Promise<void> {
  const result = await withExistingStore(data, (store) => exportItems(store, path))
  const { headers, bytes, last } = result
  if (json === true) printJson({ headers, bytes, head: last.number, hash: last.hash, file: path })
  else
    process.stdout.write(`${headers} sealed headers in ${bytes} bytes, up to block ${last.number}: ${path}\n`)
}

function exportItems(
  store: KeyValueStore,
  path: string,
): Pick<Verified, 'headers' | 'last'> & { bytes: number } {
  const identity = readIdentity(store)
  if (identity === undefined) throw new CorruptDatabaseError('it holds no chain')
  const { chainId, genesisHash, genesisNumber } = identity
  const genesis: BlockReference = { number: genesisNumber, hash: genesisHash }
  const header = (number: bigint): Uint8Array =>
    encodeHeader(present(readHeader(store, number), `header of block ${number}`).header)
  return writeNewFile(path, (write) => {
    const line = new ProgressLine()
    let bytes = write(encodeStart({ chainId, block: genesis }))
    let headers = 0
    let end = genesis
    for (const { item, last } of storedItems(openConsensusStore(store), genesis, header)) {
      bytes += write(encodeItem(item))
      headers += item.headers.length
      end = last
      line.show(`block ${last.number}`)
    }
    line.clear()
    bytes += write(encodeEnd(end))
    return { headers, bytes, last: end }
  })
}

/** A file that cannot be completed is removed. @throws LightFileError */
function writeNewFile<T>(path: string, work: (write: (bytes: Uint8Array) => number) => T): T {
  let file: number
  try {
    file = openSync(path, 'wx')
  } catch (error) {
    throw unwritable(path, error)
  }
  try {
    return work((bytes) => {
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
      return bytes.length
    })
  } catch (error) {
    rmSync(path, { force: true })
    throw error instanceof AevirError || !(error as NodeJS.ErrnoException).code
      ? error
      : unwritable(path, error)
  } finally {
    closeSync(file)
  }
}

function unwritable(path: string, cause: unknown): LightFileError {
  return new LightFileError(
    `cannot write ${path} (${(cause as Error).message}): name a new file where there is space`,
    { cause },
  )
}
