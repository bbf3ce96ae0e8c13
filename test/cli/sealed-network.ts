/** A network that was made up: its genesis file, and a database with its sealed chain. There are no blocks to the headers. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemContracts } from '../../src/consensus/system-contracts/table.ts'
import { executedGenesis } from '../../src/node/genesis-ledger.ts'
import { networkGenesisKey, parseNetworkGenesis } from '../../src/node/network-genesis.ts'
import { openConsensusStore } from '../../src/storage/consensus-database.ts'
import { openLedger } from '../../src/storage/ledger-database.ts'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { addStep, putHeaders } from '../support/consensus-fill.ts'
import { GENESIS_TEXT } from '../support/genesis-text.ts'
import { SealedChainMaker, SMALL_PARAMETERS, type SealedStep } from '../support/sealed-chain.ts'

export interface SealedNetwork {
  readonly maker: SealedChainMaker
  readonly steps: readonly SealedStep[]
  /** Paths. */
  readonly genesis: string
  readonly data: string
}

/** @param blocks that are sealed; a cycle has 40. */
export async function makeSealedNetwork(directory: string, blocks: number): Promise<SealedNetwork> {
  const parameters = { ...SMALL_PARAMETERS, cycleBlocks: 40, windowBlocks: 8, rangeBlocks: 4 }
  const { alloc, ...rest } = JSON.parse(GENESIS_TEXT) as { readonly alloc: object }
  const plan = { parameters, nodes: 12, blocks, isSigned: true, seed: 'network' }
  const chances = { skipped: 0.1, uncertified: 0.1, repeated: 0.1 }
  const { nodes } = new SealedChainMaker({ ...plan, ...chances, chainId: 0n })
  const contracts = Array.from(systemContracts(), ([address, { nonce, code }]) => [
    address,
    { balance: '0x0', nonce: `${nonce}`, code: bytesToHex(code) },
  ])
  const aevir = networkGenesisKey(parameters, nodes)
  const text = JSON.stringify({ ...rest, alloc: { ...alloc, ...Object.fromEntries(contracts) }, aevir })
  const network = parseNetworkGenesis(text)
  const { chainId } = network.genesis.config
  const maker = new SealedChainMaker({ ...plan, ...chances, chainId, genesis: network.block })
  const steps = [...maker.steps()]
  const paths = { genesis: join(directory, 'genesis.json'), data: join(directory, 'data') }
  writeFileSync(paths.genesis, text)
  const store = openLmdbStore(paths.data)
  openLedger({ store, chainId, genesis: executedGenesis(network.genesis) })
  putHeaders(store, steps)
  const consensus = openConsensusStore(store)
  for (const step of steps) await addStep(consensus, step)
  await store.close()
  return { maker, steps, ...paths }
}
