/** The list of methods and what modules implement are the same. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { implementedMethods, METHODS } from '../../src/rpc/registry.ts'

it('every implemented method is listed once, every listed one implemented', async () => {
  const implemented = (await implementedMethods()).flatMap((methods) => Object.keys(methods))
  assert.ok(implemented.length > 100)
  assert.deepEqual(implemented.toSorted(), [...METHODS.keys()].toSorted())
  assert.equal(new Set(implemented).size, implemented.length)
})

it('every method has sane bounds of params', async () => {
  for (const methods of await implementedMethods()) {
    for (const [name, { params }] of Object.entries(methods)) {
      assert.ok(params[0] <= params[1] && params[1] <= 8, name)
    }
  }
})

it('whatever changes the chain at will is for development only', () => {
  for (const [name, { isDevOnly }] of METHODS) {
    if (/^(?:evm|hardhat|anvil)_/.test(name)) assert.ok(isDevOnly, name)
  }
})
