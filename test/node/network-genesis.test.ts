/** The genesis of a network: what it must hold, that it commits to all of it, and what is said about mistakes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DEFAULT_PARAMETERS } from '../../src/consensus/committees/parameters.ts'
import { parseNetworkGenesis } from '../../src/node/network-genesis.ts'
import { genesisTextOf } from '../support/bft-network.ts'

const TEXT = genesisTextOf({ executors: 4, witnesses: 4 })

interface File {
  extraData?: string
  alloc: Record<string, { balance?: string; code?: string }>
  aevir?: { parameters: Record<string, unknown>; nodes: Record<string, unknown>[]; [key: string]: unknown }
}

/** The file with something changed. */
function changed(change: (file: Required<File>) => void): string {
  const file = JSON.parse(TEXT) as Required<File>
  change(file)
  return JSON.stringify(file)
}

describe('a network genesis', () => {
  test('gives parameters, nodes and the first block', () => {
    const { parameters, nodes, registry, block, genesis } = parseNetworkGenesis(TEXT)
    assert.deepEqual(parameters, { ...DEFAULT_PARAMETERS, executorSeats: 4, witnessSeats: 4 })
    assert.equal(nodes.length, 8)
    assert.deepEqual(registry.at(77n), nodes)
    assert.equal(block.number, 0n)
    assert.equal(genesis.header.extraData.length, 32)
  })

  test('has defaults for the parameters that the file leaves out', () => {
    const text = changed(({ aevir }) => delete aevir.parameters['heartbeatMs'])
    assert.equal(parseNetworkGenesis(text).parameters.heartbeatMs, DEFAULT_PARAMETERS.heartbeatMs)
  })

  test('is another chain when a parameter or a node differs, and the same in another order', () => {
    const changes: ((file: Required<File>) => void)[] = [
      ({ aevir }) => (aevir.parameters['heartbeatMs'] = 1999),
      ({ aevir }) => (aevir.parameters['cycleBlocks'] = 1281),
      ({ aevir }) => (aevir.nodes[0] = { ...aevir.nodes[0], stake: '1' }),
      ({ aevir }) => (aevir.nodes[5] = { ...aevir.nodes[5], points: '101' }),
      ({ aevir }) => (aevir.nodes[5] = { ...aevir.nodes[5], payout: `0x${'11'.repeat(20)}` }),
      ({ alloc }) => (alloc[`0x${'22'.repeat(20)}`] = { balance: '1' }),
    ]
    const texts = [TEXT, ...changes.map(changed)]
    const hashes = new Set(texts.map((text) => parseNetworkGenesis(text).block.hash))
    assert.equal(hashes.size, texts.length)
    const reversed = changed(({ aevir }) => (aevir.nodes = aevir.nodes.toReversed()))
    assert.equal(parseNetworkGenesis(reversed).block.hash, parseNetworkGenesis(TEXT).block.hash)
  })

  test('takes the commitment as extra data, and nothing else', () => {
    const { header } = parseNetworkGenesis(TEXT).genesis
    const extraData = `0x${header.extraData.toHex()}`
    assert.equal(
      parseNetworkGenesis(changed((file) => (file.extraData = extraData))).block.hash,
      parseNetworkGenesis(TEXT).block.hash,
    )
  })

  const mistakes: readonly [string, (file: Required<File>) => void, RegExp][] = [
    ['no network at all', (file) => delete (file as File).aevir, /"aevir" is missing: .*aevir init/],
    ['foreign extra data', (file) => (file.extraData = '0x01'), /"extraData" .*: remove the key/],
    [
      'a misspelt parameter',
      ({ aevir }) => (aevir.parameters['cycleBlock'] = 100),
      /"aevir.parameters.cycleBlock" is unknown: did you mean "cycleBlocks"\?/,
    ],
    [
      'a parameter of 0',
      ({ aevir }) => (aevir.parameters['rangeBlocks'] = 0),
      /rangeBlocks" must be above 0/,
    ],
    [
      'seats without a quorum',
      ({ aevir }) => (aevir.parameters['witnessSeats'] = 40),
      /witnessSeats" has no quorum: .*choose one of/,
    ],
    [
      'cycles too short to get rid of the committees before',
      ({ aevir }) => Object.assign(aevir.parameters, { cycleBlocks: 7, windowBlocks: 4 }),
      /cycleBlocks" is 7, but must be 8 at least/,
    ],
    [
      'a window as long as a cycle',
      ({ aevir }) => (aevir.parameters['cycleBlocks'] = 64),
      /windowBlocks" is 64, but must be below "cycleBlocks" at 64/,
    ],
    [
      'a window of more blocks than a node can keep that are not final',
      ({ aevir }) => (aevir.parameters['windowBlocks'] = 97),
      /windowBlocks" is 97, and can be 96 at most/,
    ],
    [
      'seals of more blocks than have room in one',
      ({ aevir }) => (aevir.parameters['rangeBlocks'] = 1025),
      /rangeBlocks" is 1025, and can be 1024 at most/,
    ],
    [
      'more seats than nodes',
      ({ aevir }) => (aevir.parameters['executorSeats'] = 5),
      /"aevir.nodes" cannot fill the committees: 4 staked nodes for 5 seats/,
    ],
    [
      'a node twice',
      ({ aevir }) => aevir.nodes.push(aevir.nodes[2] ?? {}),
      /"aevir.nodes.8.id" is also that of aevir.nodes.2/,
    ],
    [
      "somebody else's proof of possession",
      ({ aevir }) => {
        const proof = aevir.nodes[1]?.['proofOfPossession']
        aevir.nodes[0] = { ...aevir.nodes[0], proofOfPossession: proof }
      },
      /"aevir.nodes.0.proofOfPossession" does not prove/,
    ],
    [
      'a short key',
      ({ aevir }) => (aevir.nodes[3] = { ...aevir.nodes[3], id: '0x01' }),
      /"aevir.nodes.3.id" must have 48 bytes, not 1/,
    ],
    [
      'a node without a payout',
      ({ aevir }) => delete aevir.nodes[3]?.['payout'],
      /"aevir.nodes.3.payout" is missing/,
    ],
    ['nodes that are no list', ({ aevir }) => (aevir['nodes'] = {} as never), /"aevir.nodes" must be a list/],
    [
      'no contract that records offences',
      ({ alloc }) => delete alloc[`0x${'00'.repeat(18)}ae01`],
      /ae01" must be the system contract/,
    ],
  ]
  for (const [name, change, message] of mistakes) {
    test(`refuses ${name}`, () => {
      assert.throws(() => parseNetworkGenesis(changed(change)), { code: 'INVALID_GENESIS', message })
    })
  }
})
