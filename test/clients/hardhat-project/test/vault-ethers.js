// What people write with Hardhat 3 and ethers.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { network } from 'hardhat'

describe('Vault, with ethers', async () => {
  const { ethers } = await network.create()
  const [owner, other] = await ethers.getSigners()

  it('is deployed, written to and read', async () => {
    const vault = await ethers.deployContract('Vault')
    await vault.waitForDeployment()
    const sent = await vault.deposit('rent', { value: 12n })
    const receipt = await sent.wait()
    assert.equal(receipt.status, 1)
    assert.equal(receipt.logs[0].fragment.name, 'Deposited')
    assert.deepEqual([...receipt.logs[0].args], [owner.address, 12n, 'rent'])
    assert.equal(await vault.balanceOf(owner), 12n)
    const block = await ethers.provider.getBlock('latest', true)
    assert.equal(block.prefetchedTransactions[0].hash, sent.hash)
  })

  it('reverts with what the contract says', async () => {
    const vault = await ethers.deployContract('Vault')
    await assert.rejects(vault.deposit(''), /Vault: nothing sent/)
    await assert.rejects(vault.connect(other).withdraw(owner, 1n), (error) => {
      const { name, args } = vault.interface.parseError(error.data)
      assert.deepEqual([name, ...args], ['BalanceTooLow', other.address, 0n, 1n])
      return true
    })
    await assert.rejects(vault.share(0n), (error) => vault.interface.parseError(error.data).args[0] === 0x12n)
  })
})
