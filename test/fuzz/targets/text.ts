/** Files and requests of text: genesis, keystores, dumps of state, settings, JSON-RPC. */
import { parseGenesis } from '../../../src/chain/genesis.ts'
import { decodeDevSettings, encodeDevSettings } from '../../../src/node/dev/dev-settings.ts'
import { parseStateDump } from '../../../src/node/dev/state-dump.ts'
import { keystoreToJson, parseKeystore, type Keystore } from '../../../src/node/keys/keystore.ts'
import { assert } from '../../../src/primitives/assert.ts'
import { toAddress, toHash } from '../../../src/primitives/bytes.ts'
import { GENESIS_TEXT } from '../../support/genesis-text.ts'
import type { Prng } from '../../support/prng.ts'
import { target, type Description, type Target } from '../target.ts'

const HEAD = toHash(`0x${'cd'.repeat(32)}`)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** JSON whose members change places, types and names. */
export function jsonTarget<D>(
  description: Omit<Description<unknown, D>, 'values' | 'encode' | 'isLoose' | 'decode'> & {
    documents(prng: Prng): readonly unknown[]
    parse(text: string): D | Promise<D>
  },
): Target {
  const { documents, parse, ...rest } = description
  return target<unknown, D>({
    ...rest,
    values: documents,
    encode: (value) => encoder.encode(JSON.stringify(value)),
    isLoose: true,
    decode: (bytes) => parse(decoder.decode(bytes)),
  })
}

function keystores(prng: Prng): unknown[] {
  const common = {
    checksum: prng.bytes(32),
    iv: prng.bytes(16),
    ciphertext: prng.bytes(32),
    publicKey: `0x${prng.bytes(48).toHex()}`,
    description: 'a key',
    path: '',
    uuid: '1d85ae20-35c5-4611-98e8-aa14a633906f',
  } as const
  const scrypt = { kind: 'scrypt', n: 1024, r: 8, p: 1, salt: prng.bytes(32) } as const
  const pbkdf2 = { kind: 'pbkdf2', count: 1024, salt: prng.bytes(32) } as const
  return [scrypt, pbkdf2].map(
    (derivation) => JSON.parse(keystoreToJson({ ...common, derivation })) as unknown,
  )
}

const dump = {
  best_block_number: 7,
  timestamp: 1_700_000_000,
  accounts: {
    [`0x${'ab'.repeat(20)}`]: { nonce: 1, balance: '0xff', code: '0x6001', storage: { '0x00': '0x01' } },
    [`0x${'cd'.repeat(20)}`]: { nonce: '0x2', balance: '17', code: '0x', storage: {} },
  },
}

const settings: unknown = JSON.parse(
  decoder.decode(
    encodeDevSettings(
      {
        time: { offsetSeconds: 1n, nextTimestamp: 5n, blockInterval: 2n },
        block: {
          nextBaseFee: 7n,
          nextPrevRandao: HEAD,
          gasLimit: 30_000_000n,
          coinbase: toAddress(`0x${'ab'.repeat(20)}`),
        },
        minGasPrice: 0n,
        impersonated: [toAddress(`0x${'cd'.repeat(20)}`)],
        impersonatesAll: false,
      },
      HEAD,
    ),
  ),
)

export const TEXT_TARGETS: readonly Target[] = [
  jsonTarget({
    name: 'genesis',
    documents: () => [JSON.parse(GENESIS_TEXT)],
    parse: parseGenesis,
    errors: ['INVALID_GENESIS', 'UNSUPPORTED_FORK'],
  }),
  jsonTarget<Keystore>({
    name: 'keystore',
    documents: keystores,
    parse: parseKeystore,
    errors: ['KEYSTORE_FORMAT'],
    check: (keystore) => {
      const again = parseKeystore(keystoreToJson(keystore))
      assert(keystoreToJson(again) === keystoreToJson(keystore), 'a keystore survives being written')
      const { derivation } = keystore
      if (derivation.kind === 'scrypt')
        assert(128 * derivation.n * derivation.r <= 2 ** 30, 'scrypt takes at most a GiB')
    },
  }),
  target({
    name: 'state-dump',
    values: () => [dump],
    encode: (value: unknown) => encoder.encode(JSON.stringify(value)),
    isLoose: true,
    decode: parseStateDump,
    errors: ['INVALID_STATE_DUMP'],
  }),
  target({
    name: 'dev-settings',
    values: () => [settings],
    encode: (value: unknown) => encoder.encode(JSON.stringify(value)),
    isLoose: true,
    decode: (bytes) => decodeDevSettings(bytes, HEAD),
    errors: ['DEV_SETTINGS_DAMAGED'],
  }),
]
