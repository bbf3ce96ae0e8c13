/** `aevir election verify`: the committees of a cycle are drawn again, from a database or by asking a node. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { epochOf, makeCommittee } from '../../src/consensus/committees/committee.ts'
import { seedOf } from '../../src/consensus/election/randomness.ts'
import { lastOf } from '../../src/consensus/witness-layer/seal.ts'
import { present } from '../../src/primitives/assert.ts'
import { hexToBytes, ZERO_HASH } from '../../src/primitives/bytes.ts'
import { formatCycle, formatSeal } from '../../src/rpc/format-consensus.ts'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import { outputOf, refusalOf, runAevir } from '../support/cli.ts'
import { makeSealedNetwork, type SealedNetwork } from './sealed-network.ts'

const directory = mkdtempSync(join(tmpdir(), 'aevir-election.'))
let network: SealedNetwork

before(async () => {
  network = await makeSealedNetwork(directory, 100)
})
after(() => rmSync(directory, { recursive: true, force: true }))

function command(cycle: number, ...more: readonly string[]): string[] {
  return ['election', 'verify', `${cycle}`, '--genesis', network.genesis, ...more]
}

/** Answers as a node does that has the chain. */
function answer(method: string, params: readonly unknown[]): unknown {
  const { maker, steps } = network
  const number = BigInt((params[0] as string | undefined) ?? 0)
  switch (method) {
    case 'eth_chainId':
      return `0x${maker.plan.chainId.toString(16)}`
    case 'eth_getBlockByNumber':
      return { hash: maker.genesis.hash }
    case 'aevir_getBlockCertificates': {
      const step = steps.find(({ seal }) => seal && seal.first <= number && number <= lastOf(seal))
      if (step?.seal === undefined) return { seal: null }
      const { epoch, item, seal, randomness } = step
      const committee = committeeOf('witness', epoch)
      const committer = present(committee.members[0], 'member')
      return { seal: formatSeal({ ...item, committee, committer, seal, randomness, finality: undefined }) }
    }
    default: {
      const cycle = Number(number)
      const view = (layer: 'execution' | 'witness'): Parameters<typeof formatCycle>[0]['executors'] => {
        const committee = committeeOf(layer, epochOf(cycle))
        const members = committee.members.map((id) => ({ id, stake: undefined, points: undefined }))
        return [{ committee, members }]
      }
      const blocks = { first: 0n, last: 0n, snapshot: 0n, randomness: undefined, seed: undefined }
      return formatCycle({ cycle, ...blocks, executors: view('execution'), witnesses: view('witness') })
    }
  }
}

function committeeOf(layer: 'execution' | 'witness', epoch: number): ReturnType<typeof makeCommittee> {
  const starts = network.steps.flatMap((step) => step.starts)
  const start = present(
    starts.find((candidate) => candidate.layer === layer && candidate.epoch === epoch),
    'epoch',
  )
  return makeCommittee(network.maker.genesis.hash, layer, start.epoch, start.members)
}

/** Runs `work` with the URL of such a node. */
async function withNode(work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: unknown[] }
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: answer(method, params) }))
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.close()
  }
}

test('a cycle of a database is drawn again, and matches', async () => {
  const text = await outputOf(command(2, '--data', network.data))
  const members = committeeOf('witness', epochOf(2)).members
  assert.match(
    text,
    /^cycle 2, elected as of block 72 from \d+ seals\nrandomness 0x\w{64}\nseed {7}0x\w{64}\n/,
  )
  for (const [slot, id] of members.entries()) assert.match(text, new RegExp(` ${slot}  ${id}  \\d+ points`))
  assert.match(text, /\nmatches what the chain has\n$/)
})

test('a node that is asked gives the same as its database', async () => {
  const stored = JSON.parse(await outputOf(command(2, '--data', network.data, '--json'))) as {
    readonly randomness: typeof ZERO_HASH
  }
  assert.deepEqual(
    { ...stored, seed: 0, randomness: 0, seals: 0, executors: 0, witnesses: 0 },
    {
      cycle: 2,
      snapshotBlock: 72,
      isMatch: true,
      difference: null,
      ...{ seed: 0, randomness: 0, seals: 0, executors: 0, witnesses: 0 },
    },
  )
  assert.equal((stored as unknown as { seed: string }).seed, seedOf(stored.randomness, 2n))
  await withNode(async (url) => {
    assert.deepEqual(JSON.parse(await outputOf(command(2, '--rpc', url, '--json'))), stored)
  })
})

test('a cycle that is not elected yet, another network and no node are told in a line', async () => {
  assert.match(
    await refusalOf(command(5, '--data', network.data)),
    /^aevir: the chain is sealed up to block 100, but cycle 5 is elected as of block 192: /,
  )
  assert.match(await refusalOf(command(0, '--data', directory)), /^aevir: no database in /)
  assert.match(
    await refusalOf(command(0, '--rpc', 'http://127.0.0.1:1')),
    /^aevir: no answer from http:\/\/127\.0\.0\.1:1 \(.*\): name the RPC of a running node with --rpc$/m,
  )
  assert.match(await refusalOf(command(-1)), /Expected a whole number from 0/)
})

test('a chain that has something else is said to differ, with exit code 1', async () => {
  const store = openLmdbStore(network.data)
  const [entry] = [...store.entries('sealBodies')]
  const { key, value } = present(entry, 'seal')
  store.write((transaction) => {
    transaction.put('sealBodies', key, Uint8Array.of(...hexToBytes(ZERO_HASH), ...value.subarray(32)))
  })
  await store.close()
  const { exitCode, stdout } = await runAevir(command(1, '--data', network.data))
  assert.equal(exitCode, 1)
  assert.match(stdout, /\ndiffers: the randomness after block \d+ is 0x\w{64}, not 0x0{64}\n$/)
})
