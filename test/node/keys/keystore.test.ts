/** Keystores: the vectors of ERC-2335, what is written can be read, and hostile files cost nothing. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeOf } from '../../../src/node/keys/node-keys.ts'
import { KeystoreFormatError } from '../../../src/node/keys/key-errors.ts'
import { keystoreToJson, lockKeystore, openKeystore, parseKeystore } from '../../../src/node/keys/keystore.ts'

const PASSWORD = '𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑'
const SECRET = '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f'
const PUBLIC_KEY =
  '9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07'
const SALT = 'd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3'

/** The vectors of the standard differ in these. */
const VECTORS = {
  scrypt: {
    kdf: { function: 'scrypt', params: { dklen: 32, n: 262_144, p: 1, r: 8, salt: SALT }, message: '' },
    checksum: 'd2217fe5f3e9a1e34581ef8a78f7c9928e436d36dacc5e846690a5581e8ea484',
    ciphertext: '06ae90d55fe0a6e9c5c3bc5b170827b2e5cce3929ed3f116c2811e6366dfe20f',
  },
  pbkdf2: {
    kdf: {
      function: 'pbkdf2',
      params: { dklen: 32, c: 262_144, prf: 'hmac-sha256', salt: SALT },
      message: '',
    },
    checksum: '8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1',
    ciphertext: 'cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad',
  },
} as const

type Kind = keyof typeof VECTORS

function vector(
  kind: Kind,
  params: object = {},
): { crypto: Record<string, unknown> } & Record<string, unknown> {
  const { kdf, checksum, ciphertext } = VECTORS[kind]
  return {
    crypto: {
      kdf: { ...kdf, params: { ...kdf.params, ...params } },
      checksum: { function: 'sha256', params: {}, message: checksum },
      cipher: {
        function: 'aes-128-ctr',
        params: { iv: '264daa3f303d7259501c93d997d84fe6' },
        message: ciphertext,
      },
    },
    description: 'A test keystore.',
    pubkey: PUBLIC_KEY,
    path: 'm/12381/60/0/0',
    uuid: '64625def-3331-4eea-ab6f-782f3ed16a83',
    version: 4,
  }
}

describe('the vectors of ERC-2335', () => {
  for (const kind of ['scrypt', 'pbkdf2'] as const) {
    test(`open: ${kind}`, async () => {
      const keystore = parseKeystore(JSON.stringify(vector(kind)))
      const secret = await openKeystore(keystore, PASSWORD)
      assert.equal(secret?.toHex(), SECRET)
      assert.equal(nodeOf(secret), `0x${PUBLIC_KEY}`)
      // Decomposed, and with control codes, it is the same password.
      assert.deepEqual(await openKeystore(keystore, 'test\u0000pass\u007Fword\u0085🔑'), secret)
      assert.equal(await openKeystore(keystore, 'testpassword'), undefined)
    })
  }

  test('read and written are the same', () => {
    for (const kind of ['scrypt', 'pbkdf2'] as const) {
      assert.deepEqual(JSON.parse(keystoreToJson(parseKeystore(JSON.stringify(vector(kind))))), vector(kind))
    }
  })
})

describe('a keystore', () => {
  const key = { publicKey: `0x${PUBLIC_KEY}`, description: 'mine', strength: 'quick' } as const

  test('gives back what was locked up in it', async () => {
    const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 })
    await fc.assert(
      fc.asyncProperty(secrets, fc.string({ unit: 'grapheme' }), async (secret, password) => {
        const keystore = parseKeystore(keystoreToJson(await lockKeystore({ ...key, secret, password })))
        assert.deepEqual(await openKeystore(keystore, password), secret)
        assert.equal(await openKeystore(keystore, `${password}x`), undefined)
      }),
      { numRuns: 10 },
    )
  })

  test('is different each time, and stretches passwords as the standard does', async () => {
    const locked = { ...key, secret: new Uint8Array(32), password: 'p' }
    const [one, other] = [await lockKeystore(locked), await lockKeystore(locked)]
    assert.notDeepEqual(one.ciphertext, other.ciphertext)
    assert.notEqual(one.uuid, other.uuid)
    const { derivation } = await lockKeystore({ ...locked, strength: 'standard' })
    assert.ok(derivation.kind === 'scrypt' && derivation.n === 262_144 && derivation.r === 8)
  })

  test('that is changed does not open', async () => {
    const keystore = await lockKeystore({ ...key, secret: new Uint8Array(32), password: 'p' })
    const ciphertext = keystore.ciphertext.slice()
    ciphertext[31] = (ciphertext[31] as number) ^ 1
    assert.equal(await openKeystore({ ...keystore, ciphertext }, 'p'), undefined)
  })
})

describe('a file is refused', () => {
  const refusals: readonly (readonly [string, string, RegExp])[] = [
    ['that is no JSON', 'hello', /it is no JSON/],
    ['that is no object', '[]', /version of the file is no whole number/],
    ['of version 3', JSON.stringify({ ...vector('scrypt'), version: 3 }), /version is not 4/],
    [
      'without a path',
      JSON.stringify({ ...vector('scrypt'), path: undefined }),
      /path of the file is no text/,
    ],
    [
      'with a wrong public key',
      JSON.stringify({ ...vector('scrypt'), pubkey: 'xyz' }),
      /pubkey of the file is not hex/,
    ],
    ['with scrypt that takes 64 GiB', JSON.stringify(vector('scrypt', { n: 2 ** 20, r: 512 })), /too costly/],
    ['with scrypt for ever', JSON.stringify(vector('scrypt', { p: 1e6 })), /too costly/],
    [
      'with an n that is no power of two',
      JSON.stringify(vector('scrypt', { n: 1000 })),
      /wrong or too costly/,
    ],
    [
      'with an n of a text',
      JSON.stringify(vector('scrypt', { n: '262144' })),
      /n of params is no whole number/,
    ],
    ['with pbkdf2 for ever', JSON.stringify(vector('pbkdf2', { c: 2 ** 40 })), /too costly/],
    ['with another prf', JSON.stringify(vector('pbkdf2', { prf: 'hmac-sha512' })), /prf is not hmac-sha256/],
    ['with a longer key', JSON.stringify(vector('pbkdf2', { dklen: 64 })), /dklen is not 32/],
  ]
  for (const [what, json, message] of refusals) {
    test(what, () => {
      assert.throws(
        () => parseKeystore(json),
        (error) => error instanceof KeystoreFormatError && message.test(error.message),
      )
    })
  }
})
