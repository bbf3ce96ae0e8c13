/** The code of the system contracts that nodes put into a genesis is what their sources compile to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileContracts } from '../../contracts/build/compile.ts'
import { readSystemCode, systemCodeModule } from '../../contracts/build/system-code.ts'
import { SYSTEM_CODE } from '../../src/consensus/system-contracts/code.ts'
import { ACCOUNTABILITY_ADDRESS, systemContracts } from '../../src/consensus/system-contracts/table.ts'
import { FORKS } from '../../src/chain/forks.ts'
import { hexToBytes, toAddress } from '../../src/primitives/bytes.ts'
import { precompilesOf } from '../../runtime/evm/precompiles/table.ts'

test('the checked-in code is the compiled one: otherwise run npm run contracts', async () => {
  assert.equal(readSystemCode(), systemCodeModule(await compileContracts()))
})

test('system contracts have fixed addresses, away from precompiles', () => {
  const accounts = systemContracts()
  assert.deepEqual([...accounts.keys()], [toAddress('0x000000000000000000000000000000000000ae01')])
  const account = accounts.get(ACCOUNTABILITY_ADDRESS)
  assert.deepEqual(account?.code, hexToBytes(SYSTEM_CODE.Accountability))
  assert.deepEqual([account?.nonce, account?.balance, account?.storage.size], [1n, 0n, 0])
  for (const rules of Object.values(FORKS)) {
    for (const address of accounts.keys()) assert.ok(!precompilesOf(rules.evm).has(address), rules.name)
  }
})
