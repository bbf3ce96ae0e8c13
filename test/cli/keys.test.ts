/** `aevir keys`: makes, lists and imports keys, and never shows a secret. */
import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { addKey, openKeyFile } from '../../src/node/keys/node-keys.ts'
import { outputOf, refusalOf, withScratch } from '../support/cli.ts'

const SECRET = '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f'
/** Its public key (ERC-2335, test cases). */
const NODE =
  '0x9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07'

interface Listing {
  readonly peerId: string | null
  readonly keys: readonly { readonly node: string; readonly file: string; readonly description: string }[]
}

function secretFile(path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

async function listingOf(args: readonly string[], env: Record<string, string> = {}): Promise<Listing> {
  return JSON.parse(await outputOf([...args, '--json'], { env })) as Listing
}

describe('aevir keys', () => {
  test('makes a key and lists it', () =>
    withScratch(async (directory) => {
      const keys = join(directory, 'keys')
      assert.match(
        await outputOf(['keys', 'list', '--keys', keys]),
        /no keys in .*: make one with aevir keys new/,
      )
      const password = secretFile(join(directory, 'password'), 'geheim\n')
      const made = await outputOf([
        'keys',
        'new',
        '--keys',
        keys,
        '--password-file',
        password,
        '--description',
        'mine',
      ])
      const listing = await listingOf(['keys', 'list', '--keys', keys])
      const [key] = listing.keys
      assert.ok(key !== undefined && listing.keys.length === 1)
      assert.equal(key.description, 'mine')
      for (const text of [key.node, key.file, listing.peerId]) assert.ok(made.includes(text as string))
      assert.match(listing.peerId ?? '', /^12D3KooW/)
      assert.deepEqual(readdirSync(keys).toSorted(), [
        `consensus-${key.node.slice(2, 18)}.json`,
        'network.key',
      ])
    }))

  test('imports a secret key', () =>
    withScratch(async (directory) => {
      const secret = secretFile(join(directory, 'secret'), `0x${SECRET}\n`)
      const args = ['keys', 'import', secret, '--keys', join(directory, 'keys')]
      const [imported] = (await listingOf(args, { AEVIR_PASSWORD: 'p' })).keys
      assert.equal(imported?.node, NODE)
      assert.ok(!readFileSync(imported.file, 'utf8').includes(SECRET))
    }))

  test('imports a keystore, under another password', () =>
    withScratch(async (directory) => {
      const { file } = await addKey({
        directory: join(directory, 'from'),
        secret: Uint8Array.fromHex(SECRET),
        password: 'old',
        strength: 'quick',
      })
      const args = ['keys', 'import', file, '--keys', join(directory, 'to')]
      const env = { AEVIR_PASSWORD: 'new' }
      assert.match(await refusalOf(args, { env }), /the password does not open/)
      const withOld = [...args, '--from-password-file', secretFile(join(directory, 'old'), 'old')]
      const [imported] = (await listingOf(withOld, env)).keys
      assert.ok(imported !== undefined && imported.node === NODE)
      assert.deepEqual((await openKeyFile(imported.file, 'new')).toHex(), SECRET)
      assert.match(await refusalOf(withOld, { env }), /exists already: nothing was written/)
    }))

  test('says what is missing or wrong', () =>
    withScratch(async (directory) => {
      const keys = ['--keys', join(directory, 'keys')]
      assert.match(await refusalOf(['keys', 'new', ...keys]), /no password for the key: name a file/)
      const password = secretFile(join(directory, 'password'), 'geheim')
      chmodSync(password, 0o644)
      assert.match(await refusalOf(['keys', 'new', ...keys, '--password-file', password]), /run chmod 600/)
      const env = { AEVIR_PASSWORD: 'p' }
      assert.match(
        await refusalOf(['keys', 'import', 'nowhere', ...keys], { env }),
        /no key at nowhere: check the path/,
      )
      const garbage = secretFile(join(directory, 'garbage'), 'hello')
      assert.match(
        await refusalOf(['keys', 'import', garbage, ...keys], { env }),
        /no secret key of 64 hex digits/,
      )
      const zero = secretFile(join(directory, 'zero'), '00'.repeat(32))
      assert.match(await refusalOf(['keys', 'import', zero, ...keys], { env }), /no BLS secret key/)
    }))
})
