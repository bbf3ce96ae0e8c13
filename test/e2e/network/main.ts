/**
 * `npm run network-test -- [--executors 4] [--witnesses 7] [--rate 50] [--calm S] [--outage S] [--partition S]`: a network
 * of processes over libp2p, under load, through every fault in `faults.ts`, and then a devnet cut in two. The exit code is 1 when a promise was broken.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { withDirectory } from '../../storage/stores.ts'
import { runPartition } from './devnet-partition.ts'
import { lineOf, runScenario } from './scenario.ts'

const { values } = parseArgs({
  options: {
    executors: { type: 'string', default: '4' },
    witnesses: { type: 'string', default: '7' },
    rate: { type: 'string', default: '50' },
    calm: { type: 'string', default: '10' },
    outage: { type: 'string', default: '10' },
    partition: { type: 'string', default: '15' },
  },
})

await withDirectory(async (directory) => {
  const { verdict, sent, errors, missing, revocations } = await runScenario({
    directory,
    executors: Number(values.executors),
    witnesses: Number(values.witnesses),
    perSecond: Number(values.rate),
    calmMs: Number(values.calm) * 1000,
    outageMs: Number(values.outage) * 1000,
    partitionMs: Number(values.partition) * 1000,
    afterMs: 5_000,
    onProgress: (line) => console.log(line),
  })
  const refused = [...errors].map(([reason, count]) => `${count} × ${reason}`).join('; ')
  console.log(
    [
      `${sent} transactions were due${refused === '' ? '' : `, refused: ${refused}`}; ${missing} of those sent are in no sealed block`,
      `${verdict.sealedBlocks} blocks with ${verdict.sealedTransactions} transactions were reported as sealed: all are there`,
      `all nodes have block ${verdict.height} ${verdict.hash}, state ${verdict.stateRoot}`,
      `no commit state went back; ${revocations} reports of pre-confirmations taken back`,
      `load average ${loadavg()
        .map((load) => load.toFixed(1))
        .join(' ')}`,
    ].join('\n'),
  )
})

const { report, verdict, missing, sealedWhileCut } = await runPartition({
  executors: Number(values.executors),
  witnesses: Number(values.witnesses),
  perSecond: Number(values.rate),
  calmMs: Number(values.calm) * 1000,
  partitionMs: Number(values.partition) * 1000,
  afterMs: 10_000,
})
console.log(lineOf(report))
console.log(
  `${sealedWhileCut} blocks sealed meanwhile; ${missing} transactions in no sealed block; all nodes have block ` +
    `${verdict.height} ${verdict.hash}, state ${verdict.stateRoot}`,
)
if (sealedWhileCut > 0) process.exitCode = 1
