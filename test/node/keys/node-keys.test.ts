/** Keys in their directory: what is stored is found again, and what is wrong with a file is said with a cure. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { KeyError } from '../../../src/node/keys/key-errors.ts'
import { writeSecretFile } from '../../../src/node/keys/key-files.ts'
import {
  addKey,
  generateSecretKey,
  listKeys,
  nodeOf,
  openNetworkKey,
  openNodeKeys,
} from '../../../src/node/keys/node-keys.ts'
import { readPassword } from '../../../src/node/keys/password.ts'
import { withDirectory } from '../../storage/stores.ts'

const quick = { password: 'geheim', strength: 'quick' } as const

/** Matches a KeyError by its code and the words of its cure. */
function refusal(code: string, cure: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KeyError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, cure)
    assert.doesNotMatch(error.message, /geheim/, 'a password is never shown')
    return true
  }
}

describe('keys of a node', () => {
  test('are found again, after a restart the same ones', () =>
    withDirectory(async (directory) => {
      const secret = generateSecretKey()
      const stored = await addKey({ directory, secret, description: 'first', ...quick })
      assert.deepEqual(listKeys(directory), [stored])
      const keys = await openNodeKeys(directory, 'geheim')
      assert.deepEqual(keys.consensusSecret, secret)
      assert.equal(keys.node, nodeOf(secret))
      assert.deepEqual((await openNodeKeys(directory, 'geheim')).networkSeed, keys.networkSeed)
      for (const name of [stored.file, join(directory, 'network.key')]) {
        assert.equal(statSync(name).mode & 0o777, 0o600, name)
      }
    }))

  test('are told apart where there are several', () =>
    withDirectory(async (directory) => {
      const one = await addKey({ directory, secret: generateSecretKey(), ...quick })
      const two = await addKey({ directory, secret: generateSecretKey(), ...quick })
      await assert.rejects(openNodeKeys(directory, 'geheim'), refusal('SEVERAL_KEYS', new RegExp(one.node)))
      assert.equal((await openNodeKeys(directory, 'geheim', two.node)).node, two.node)
      await assert.rejects(
        openNodeKeys(directory, 'geheim', '0x00'),
        refusal('KEY_FILE_MISSING', /aevir keys new/),
      )
    }))

  test('are never written over', () =>
    withDirectory(async (directory) => {
      const secret = generateSecretKey()
      const { file } = await addKey({ directory, secret, ...quick })
      const before = readFileSync(file)
      await assert.rejects(
        addKey({ directory, secret, ...quick }),
        refusal('KEY_EXISTS', /nothing was written/),
      )
      assert.deepEqual(readFileSync(file), before)
    }))

  test('are different each time', () => {
    assert.notDeepEqual(generateSecretKey(), generateSecretKey())
  })

  test('are refused with what helps', () =>
    withDirectory(async (directory) => {
      await assert.rejects(openNodeKeys(directory, 'geheim'), refusal('KEY_FILE_MISSING', /aevir keys new/))
      const { file, node } = await addKey({ directory, secret: generateSecretKey(), ...quick })
      await assert.rejects(
        openNodeKeys(directory, 'geheim2'),
        refusal('WRONG_PASSWORD', /check the password file/),
      )
      const json = readFileSync(file, 'utf8')
      writeFileSync(file, json.replace(node.slice(2), nodeOf(generateSecretKey()).slice(2)))
      await assert.rejects(openNodeKeys(directory, 'geheim'), refusal('WRONG_KEY', /restore the file/))
      writeFileSync(file, json.slice(0, 100))
      await assert.rejects(openNodeKeys(directory, 'geheim'), refusal('KEYSTORE_FORMAT', /ERC-2335/))
      await assert.rejects(
        addKey({ directory, secret: new Uint8Array(32), ...quick }),
        refusal('KEY_FORMAT', /no BLS secret key/),
      )
    }))

  test('of the network are made anew when lost, and refused when damaged or open to others', () =>
    withDirectory((directory) => {
      const file = join(directory, 'network.key')
      const seed = openNetworkKey(directory)
      assert.equal(seed.length, 32)
      renameSync(file, `${file}.old`)
      assert.notDeepEqual(openNetworkKey(directory), seed)
      assert.ok(existsSync(file))
      writeFileSync(file, 'abc')
      assert.throws(() => openNetworkKey(directory), refusal('KEY_FORMAT', /64 hex digits/))
      chmodSync(file, 0o640)
      assert.throws(() => openNetworkKey(directory), refusal('KEY_FILE_EXPOSED', /chmod 600/))
    }))
})

describe('a password', () => {
  test('comes from the file that is named, or from the environment', () =>
    withDirectory((directory) => {
      const [named, other] = [join(directory, 'one'), join(directory, 'two')]
      writeSecretFile(named, 'of the file\n')
      writeSecretFile(other, 'of the other\r\n')
      const environment = { AEVIR_PASSWORD_FILE: other, AEVIR_PASSWORD: 'of the environment' }
      assert.equal(readPassword(named, environment), 'of the file')
      assert.equal(readPassword(undefined, environment), 'of the other')
      assert.equal(readPassword(undefined, { AEVIR_PASSWORD: 'geheim' }), 'geheim')
      assert.throws(() => readPassword(undefined, {}), refusal('NO_PASSWORD', /--password-file/))
      assert.throws(
        () => readPassword(join(directory, 'none'), {}),
        refusal('KEY_FILE_MISSING', /check the path/),
      )
      chmodSync(named, 0o644)
      assert.throws(() => readPassword(named, {}), refusal('KEY_FILE_EXPOSED', /chmod 600/))
    }))
})
