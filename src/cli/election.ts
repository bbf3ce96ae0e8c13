/**
 * `aevir election verify`: recomputes who serves in a cycle, from the genesis of the network and the seals of a chain, and
 * says whether the chain has the same. The chain is a database that no node has open, or that of a node, by RPC.
 */
import { bls } from '../consensus/bls.ts'
import {
  checkElection,
  storedElections,
  type ElectionReport,
  type ElectionSource,
} from '../consensus/light/election-check.ts'
import type { NetworkGenesis } from '../node/network-genesis.ts'
import { openConsensusStore } from '../storage/consensus-database.ts'
import { CorruptDatabaseError, ForeignDatabaseError } from '../storage/database-errors.ts'
import type { KeyValueStore } from '../storage/key-value-store.ts'
import { readIdentity } from '../storage/meta-records.ts'
import { openElectionRpc } from './election-rpc.ts'
import { withExistingStore } from './existing-store.ts'
import { readNetworkFile } from './network-file.ts'
import { bar, printJson, ProgressLine } from './terminal.ts'

export interface ElectionOptions {
  readonly genesis: string
  readonly data: string
  readonly rpc?: string
  readonly json?: boolean
}

/** The exit code is 1 when the chain has something else. @throws AevirError when it cannot be told. */
export async function runElectionVerify(cycle: number, options: ElectionOptions): Promise<void> {
  const network = await readNetworkFile(options.genesis)
  const check = (source: ElectionSource): Promise<ElectionReport> => checkWithProgress(cycle, network, source)
  const report =
    options.rpc === undefined
      ? await withExistingStore(options.data, (store) => check(openElectionStore(store, network)))
      : await check(await openElectionRpc(options.rpc, network))
  if (report.difference !== undefined) process.exitCode = 1
  if (options.json === true) printReport(report, network)
  else process.stdout.write(reportText(report, network))
}

async function checkWithProgress(
  cycle: number,
  { block, parameters, registry }: NetworkGenesis,
  source: ElectionSource,
): Promise<ElectionReport> {
  const line = new ProgressLine()
  try {
    return await checkElection(
      cycle,
      { genesis: block, parameters, registry, scheme: bls },
      source,
      (number, snapshot) =>
        line.show(`${bar(Number(number) / Number(snapshot))} block ${number} of ${snapshot}`),
    )
  } finally {
    line.clear()
  }
}

/** @throws ForeignDatabaseError | DatabaseError */
function openElectionStore(store: KeyValueStore, { genesis, block }: NetworkGenesis): ElectionSource {
  const found = readIdentity(store)
  if (found === undefined) throw new CorruptDatabaseError('it holds no chain')
  const { chainId } = genesis.config
  if (found.chainId !== chainId || found.genesisHash !== block.hash) {
    throw new ForeignDatabaseError({ chainId, genesisHash: block.hash }, found)
  }
  return storedElections(openConsensusStore(store))
}

// ---- What is said --------------------------------------------------------------------------------------------------

function printReport(report: ElectionReport, { nodes }: NetworkGenesis): void {
  const { cycle, snapshot, randomness, seed, seats, sealCount, difference } = report
  const weights = new Map(nodes.map(({ id, stake, points }) => [id, { stake, points }]))
  printJson({
    ...{ cycle, snapshotBlock: snapshot, randomness, seed, seals: sealCount },
    isMatch: difference === undefined,
    difference: difference ?? null,
    // Stakes in wei are beyond what numbers of JSON hold exactly.
    executors: seats.executors.map((id, seat) => ({ seat, id, stake: `${weights.get(id)?.stake ?? 0n}` })),
    witnesses: seats.witnesses.map((id, slot) => ({ slot, id, points: `${weights.get(id)?.points ?? 0n}` })),
  })
}

function reportText(report: ElectionReport, { nodes }: NetworkGenesis): string {
  const { cycle, snapshot, randomness, seed, seats, sealCount, difference } = report
  const weights = new Map(nodes.map(({ id, stake, points }) => [id, { stake, points }]))
  return [
    `cycle ${cycle}, elected as of block ${snapshot} from ${sealCount} seals`,
    `randomness ${randomness}`,
    `seed       ${seed}`,
    'executors by stake',
    ...seats.executors.map((id, seat) => row(seat, id, `${weights.get(id)?.stake ?? 0n} wei`)),
    'witnesses by slot',
    ...seats.witnesses.map((id, slot) => row(slot, id, `${weights.get(id)?.points ?? 0n} points`)),
    difference === undefined ? 'matches what the chain has' : `differs: ${difference}`,
    '',
  ].join('\n')
}

function row(place: number, id: string, weight: string): string {
  return `${String(place).padStart(4)}  ${id}  ${weight}`
}
