/** Genesis files: the block of a real one, every accepted form, and what each mistake is told. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createMPT } from '@ethereumjs/mpt'
import {
  bigintToFixedBytes,
  bytesToHash,
  hexToBytes,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { keccak256 } from '../../src/primitives/keccak.ts'
import { encodeRlp, rlpFromUint, rlpItemSize } from '../../src/primitives/rlp.ts'
import { decodeBlock, EMPTY_REQUESTS_HASH } from '../../src/chain/block-codec.ts'
import { genesisBlock, parseGenesis, type Genesis } from '../../src/chain/genesis.ts'
import { GenesisError } from '../../src/chain/genesis-json.ts'
import { rulesAt } from '../../src/chain/forks.ts'
import { SHARED_SKIP, untar } from '../support/shared.ts'

const CONFIG = { chainId: 7, shanghaiTime: 0, cancunTime: 0 }
const ADDRESS = '11'.repeat(20)

/** A small file with some keys replaced. */
function file(changes: object = {}): string {
  return JSON.stringify({ config: CONFIG, alloc: {}, gasLimit: '0x1c9c380', ...changes })
}

function withConfig(changes: object): string {
  return file({ config: { ...CONFIG, ...changes } })
}

suite('a genesis file', () => {
  test('makes the block that another client’s chain is built on', { skip: SHARED_SKIP }, async () => {
    const suiteFiles = untar('rpc/execution-apis-d08382ae.tar.gz')
    const chain = suiteFiles.get('apis-d08382ae/tests/chain.rlp') ?? assert.fail()
    const text = new TextDecoder().decode(suiteFiles.get('apis-d08382ae/tests/genesis.json'))
    const genesis = parseGenesis(text)
    const first = decodeBlock(chain.subarray(0, rlpItemSize(chain)))
    assert.equal(genesisBlock(genesis, await referenceStateRoot(genesis)).hash, first.header.parentHash)
    assert.equal(genesis.config.chainId, 3_503_995_874_084_926n)
  })

  test('leaves to the fork at its time what it does not say', () => {
    const cancun = parseGenesis(file()).header
    assert.deepEqual(
      [cancun.baseFeePerGas, cancun.blobGasUsed, cancun.excessBlobGas, cancun.parentBeaconBlockRoot],
      [1_000_000_000n, 0n, 0n, ZERO_HASH],
    )
    assert.equal(cancun.requestsHash, undefined)
    assert.equal(parseGenesis(withConfig({ pragueTime: 0 })).header.requestsHash, EMPTY_REQUESTS_HASH)
    assert.equal(parseGenesis(withConfig({ pragueTime: 1 })).header.requestsHash, undefined)
    assert.deepEqual(parseGenesis(file()).config, {
      chainId: 7n,
      forks: [{ name: 'cancun', timestamp: 0n }],
      blobSchedule: {},
      depositContractAddress: ZERO_ADDRESS,
    })
  })

  test('sets the fields of the header', () => {
    const { header } = parseGenesis(
      file({
        nonce: '0x42',
        timestamp: '1000',
        extraData: '0xC0FFEE',
        difficulty: '0x20000',
        mixHash: `0x${'AB'.repeat(32)}`,
        coinbase: `0x${'CD'.repeat(20)}`,
        baseFeePerGas: '7',
        excessBlobGas: '0x5',
        blobGasUsed: null,
      }),
    )
    assert.deepEqual(header.nonce, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x42))
    assert.equal(header.timestamp, 1_000n)
    assert.deepEqual(header.extraData, Uint8Array.of(0xc0, 0xff, 0xee))
    assert.equal(header.difficulty, 0x20000n)
    assert.equal(header.prevRandao, `0x${'ab'.repeat(32)}`)
    assert.equal(header.beneficiary, `0x${'cd'.repeat(20)}`)
    assert.deepEqual([header.baseFeePerGas, header.excessBlobGas, header.blobGasUsed], [7n, 5n, 0n])
  })

  test('gives accounts in any of the forms in use, with numbers of any size', () => {
    const { alloc } = parseGenesis(
      `{"config":{"chainId":1,"cancunTime":0},"gasLimit":30000000,"alloc":{
        "${ADDRESS}":{"balance":100000000000000000000000001,"nonce":"0x2"},
        "0x${'AA'.repeat(20)}":{"balance":"0x10","code":"0x6001","storage":{"0x1":"0x02","03":"04","0x05":"0x00"}},
        "${'22'.repeat(20)}":{"balance":"12345678901234567890"}}}`,
    )
    assert.deepEqual([...alloc.keys()], [`0x${ADDRESS}`, `0x${'aa'.repeat(20)}`, `0x${'22'.repeat(20)}`])
    assert.deepEqual(
      [...alloc.values()],
      [
        {
          balance: 100_000_000_000_000_000_000_000_001n,
          nonce: 2n,
          code: new Uint8Array(0),
          storage: new Map(),
        },
        {
          balance: 16n,
          nonce: 0n,
          code: Uint8Array.of(0x60, 1),
          storage: new Map([
            [1n, 2n],
            [3n, 4n],
          ]),
        },
        { balance: 12_345_678_901_234_567_890n, nonce: 0n, code: new Uint8Array(0), storage: new Map() },
      ],
    )
  })

  test('sets when forks begin: from the start those that are active at the first block', () => {
    const config = { ...CONFIG, cancunTime: 5, pragueTime: 100, osakaTime: 200, bpo1Time: 200, bpo3Time: 300 }
    const { forks } = parseGenesis(file({ timestamp: '100', config })).config
    assert.deepEqual(forks, [
      { name: 'cancun', timestamp: 0n },
      { name: 'prague', timestamp: 0n },
      { name: 'osaka', timestamp: 200n },
      { name: 'bpo1', timestamp: 200n },
      { name: 'bpo3', timestamp: 300n },
    ])
  })

  test('sets blob parameters, which a fork that has none of its own inherits', () => {
    const prague = { target: 4, max: 8, baseFeeUpdateFraction: 5_000_000 }
    const forks = { pragueTime: 0, osakaTime: 10, bpo1Time: 20 }
    const { config } = parseGenesis(withConfig({ ...forks, blobSchedule: { prague, amsterdam: null } }))
    const expected = { ...prague, baseFeeUpdateFraction: 5_000_000n }
    assert.deepEqual(config.blobSchedule, { prague: expected, osaka: expected })
    assert.deepEqual(rulesAt(config, 10n).blobs, expected)
    assert.equal(rulesAt(config, 20n).blobs.max, 15)
  })
})

suite('a wrong genesis file is told which key to change', () => {
  const blobs = { target: 3, max: 6, baseFeeUpdateFraction: 1 }
  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    ['no JSON', '{', '', /the file is not JSON/],
    ['no object', '[]', '', /must hold a JSON object/],
    ['no config', '{"gasLimit":1,"alloc":{}}', 'config', /is missing: add it as an object/],
    ['no alloc', JSON.stringify({ config: CONFIG, gasLimit: 5000 }), 'alloc', /is missing/],
    ['no gas limit', JSON.stringify({ config: CONFIG, alloc: {} }), 'gasLimit', /is missing: set it/],
    ['a gas limit that no block may have', file({ gasLimit: 10 }), 'gasLimit', /at least 5000, not 10/],
    ['a key in the wrong case', file({ baseFeePerGAS: 1 }), 'baseFeePerGAS', /write "baseFeePerGas"/],
    ['a fraction', file({ timestamp: 1.5 }), 'timestamp', /must be a number such as 1000/],
    ['a negative number', file({ timestamp: -1 }), 'timestamp', /must be a number such as 1000/],
    [
      'a timestamp beyond 64 bits',
      file({ timestamp: '0x10000000000000000' }),
      'timestamp',
      /must be below 2\^64/,
    ],
    ['another number than 0', file({ number: 5 }), 'number', /has number 0, not 5/],
    ['half a byte', file({ extraData: '0x1' }), 'extraData', /hex of whole bytes/],
    ['a short hash', file({ mixHash: '0x00' }), 'mixHash', /must have 32 bytes, not 1/],
    ['no chain id', file({ config: { cancunTime: 0 } }), 'config.chainId', /is missing/],
    ['chain id 0', withConfig({ chainId: 0 }), 'config.chainId', /must be from 1 to/],
    [
      'no fork of ours',
      file({ config: { chainId: 1, shanghaiTime: 0 } }),
      'config.cancunTime',
      /set it to 0/,
    ],
    [
      'our first fork later',
      withConfig({ cancunTime: 10 }),
      'config.cancunTime',
      /first block's timestamp 0/,
    ],
    [
      'an older fork later',
      withConfig({ londonBlock: 10 }),
      'config.londonBlock',
      /is 10, but .* set it to 0/,
    ],
    [
      'a newer fork',
      withConfig({ amsterdamTime: 10 }),
      'config.amsterdamTime',
      /is not supported: remove it/,
    ],
    [
      'a fork without the one before',
      withConfig({ osakaTime: 10 }),
      'config.osakaTime',
      /needs "pragueTime"/,
    ],
    [
      'forks out of order',
      withConfig({ pragueTime: 9, osakaTime: 8 }),
      'config.osakaTime',
      /is 8, before "pragueTime" at 9/,
    ],
    [
      'half a blob schedule',
      withConfig({ blobSchedule: { cancun: { target: 3 } } }),
      'config.blobSchedule.cancun.max',
      /is missing/,
    ],
    [
      'a target above the maximum',
      withConfig({ blobSchedule: { cancun: { ...blobs, target: 7 } } }),
      'config.blobSchedule.cancun.target',
      /is 7, above "max" at 6/,
    ],
    [
      'an address of 19 bytes',
      file({ alloc: { [ADDRESS.slice(2)]: {} } }),
      `alloc.${ADDRESS.slice(2)}`,
      /40 hex digits/,
    ],
    [
      'an account twice',
      file({ alloc: { [ADDRESS]: {}, [`0x${ADDRESS}`]: {} } }),
      `alloc.0x${ADDRESS}`,
      /twice/,
    ],
    ['an account that is none', file({ alloc: { [ADDRESS]: 5 } }), `alloc.${ADDRESS}`, /must be an object/],
    [
      'a balance beyond a word',
      file({ alloc: { [ADDRESS]: { balance: `0x1${'0'.repeat(64)}` } } }),
      `alloc.${ADDRESS}.balance`,
      /2\^256/,
    ],
    [
      'a list of numbers for a number',
      file({ gasLimit: [1, [2]] }),
      'gasLimit',
      /must be a number such as .*, not \[1,\[2\]\]/,
    ],
    [
      'a slot beyond a word',
      file({ alloc: { [ADDRESS]: { storage: { '0x1': `0x1${'0'.repeat(64)}` } } } }),
      `alloc.${ADDRESS}.storage.0x1`,
      /32 bytes/,
    ],
  ]
  for (const [name, text, key, message] of cases) {
    test(name, () => {
      assert.throws(
        () => parseGenesis(text),
        (error: unknown) => {
          assert.ok(error instanceof GenesisError)
          assert.equal(error.key, key)
          assert.match(error.message, message)
          return true
        },
      )
    })
  }
})

/** The state root of a genesis by another implementation of tries. */
async function referenceStateRoot(genesis: Genesis): Promise<Hash> {
  const state = await createMPT()
  for (const [address, account] of genesis.alloc) {
    const storage = await createMPT()
    for (const [slot, value] of account.storage) {
      await storage.put(keccak256(bigintToFixedBytes(slot, 32)), encodeRlp(rlpFromUint(value)))
    }
    const fields = [
      rlpFromUint(account.nonce),
      rlpFromUint(account.balance),
      storage.root(),
      keccak256(account.code),
    ]
    await state.put(keccak256(hexToBytes(address)), encodeRlp(fields))
  }
  return bytesToHash(state.root())
}
