// What people write with Hardhat 3, viem and the network helpers; it runs on whatever network it is told.
import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { network } from 'hardhat'
import { keccak256, numberToHex, padHex, parseEther, zeroAddress } from 'viem'

describe('Vault, with viem and network helpers', async () => {
  const { viem, networkHelpers } = await network.create()
  const { time } = networkHelpers
  const reader = await viem.getPublicClient()
  const [owner, other] = await viem.getWalletClients()

  async function deployed() {
    const vault = await viem.deployContract('Vault')
    await vault.write.deposit(['fixture'], { value: 100n })
    return { vault }
  }

  let vault
  beforeEach(async () => {
    const fixture = await networkHelpers.loadFixture(deployed)
    vault = fixture.vault
  })

  it('is the same before each test', async () => {
    assert.equal(await vault.read.total(), 100n)
    await vault.write.deposit(['gone with the next fixture'], { value: 1n })
  })

  it('emits its events', async () => {
    await viem.assertions.emitWithArgs(vault.write.deposit(['note'], { value: 5n }), vault, 'Deposited', [
      owner.account.address,
      5n,
      'note',
    ])
    assert.equal(await vault.read.total(), 105n)
    const events = await vault.getEvents.Deposited()
    assert.equal(events[0].args.note, 'note')
  })

  it('reverts with a reason, a custom error, a panic', async () => {
    await viem.assertions.revertWith(vault.write.deposit(['']), 'Vault: nothing sent')
    await viem.assertions.revertWithCustomErrorWithArgs(
      vault.write.withdraw([other.account.address, 101n]),
      vault,
      'BalanceTooLow',
      [owner.account.address, 100n, 101n],
    )
    await viem.assertions.revertWithCustomError(vault.read.share([0n]), vault, 'BalanceTooLow').then(
      () => assert.fail('a panic is no custom error'),
      (error) => assert.match(String(error), /Panic|0x12/i),
    )
    await viem.assertions.revert(vault.read.refuse())
  })

  it('moves coins', async () => {
    await viem.assertions.balancesHaveChanged(vault.write.withdraw([other.account.address, 40n]), [
      { address: other.account.address, amount: 40n },
      { address: vault.address, amount: -40n },
    ])
  })

  it('travels in time', async () => {
    const createdAt = await vault.read.createdAt()
    await time.increase(time.duration.days(2))
    assert.ok(BigInt(await time.latest()) >= createdAt + 172_800n)
    const later = (await time.latest()) + 1_000
    await time.increaseTo(later)
    assert.equal(await time.latest(), later)
    await time.setNextBlockTimestamp(later + 77)
    const second = await viem.deployContract('Vault')
    assert.equal(await second.read.createdAt(), BigInt(later + 77))
  })

  it('mines', async () => {
    const number = await time.latestBlock()
    const timestamp = await time.latest()
    await networkHelpers.mine(5, { interval: 60 })
    assert.equal(await time.latestBlock(), number + 5)
    assert.ok((await time.latest()) >= timestamp + 4 * 60)
    await networkHelpers.mineUpTo(number + 20)
    assert.equal(await time.latestBlock(), number + 20)
    await networkHelpers.mine()
    assert.equal(await time.latestBlock(), number + 21)
  })

  it('acts as any account', async () => {
    const whale = padHex('0xfa7e5', { size: 20 })
    await networkHelpers.setBalance(whale, parseEther('10'))
    await networkHelpers.impersonateAccount(whale)
    const wallet = await viem.getWalletClient(whale)
    await vault.write.deposit(['from a whale'], { value: parseEther('1'), account: wallet.account })
    assert.equal(await vault.read.balanceOf([whale]), parseEther('1'))
    await networkHelpers.stopImpersonatingAccount(whale)
    await assert.rejects(wallet.sendTransaction({ to: owner.account.address, value: 1n }))
  })

  it('sets nonce, code and storage', async () => {
    const address = padHex('0xc0de', { size: 20 })
    await networkHelpers.setCode(address, '0x602a5f5260205ff3')
    assert.equal(await reader.getCode({ address }), '0x602a5f5260205ff3')
    await networkHelpers.setNonce(address, 7)
    assert.equal(await reader.getTransactionCount({ address }), 7)
    await networkHelpers.setStorageAt(vault.address, 1, 5_000n)
    assert.equal(BigInt(await networkHelpers.getStorageAt(vault.address, 1)), 5_000n)
    assert.equal(await vault.read.share([5n]), 1_000n)
    const slot = keccak256(`${padHex(owner.account.address)}${padHex('0x0').slice(2)}`)
    await networkHelpers.setStorageAt(vault.address, slot, 9n)
    assert.equal(await vault.read.balanceOf([owner.account.address]), 9n)
  })

  it('decides what the next block says', async () => {
    const coinbase = padHex('0xc01b', { size: 20 })
    await networkHelpers.setCoinbase(coinbase)
    await networkHelpers.setNextBlockBaseFeePerGas(123_456_789n)
    await networkHelpers.setPrevRandao(4_242n)
    await networkHelpers.setBlockGasLimit(25_000_000n)
    await networkHelpers.mine()
    const block = await reader.getBlock()
    assert.equal(block.miner, coinbase)
    assert.equal(block.baseFeePerGas, 123_456_789n)
    assert.equal(block.mixHash, numberToHex(4_242n, { size: 32 }))
    assert.equal(block.gasLimit, 25_000_000n)
    await networkHelpers.setCoinbase(zeroAddress)
    await networkHelpers.setBlockGasLimit(30_000_000n)
  })

  it('goes back to a snapshot, as often as one likes', async () => {
    const snapshot = await networkHelpers.takeSnapshot()
    for (const value of [1n, 2n]) {
      await vault.write.deposit(['undone'], { value })
      assert.equal(await vault.read.total(), 100n + value)
      await snapshot.restore()
      assert.equal(await vault.read.total(), 100n)
    }
  })

  it('drops a transaction that waits', async () => {
    const dev = await viem.getTestClient()
    await dev.setAutomine(false)
    const hash = await owner.sendTransaction({ to: other.account.address, value: 1n })
    assert.equal(await networkHelpers.dropTransaction(hash), true)
    await networkHelpers.mine()
    await dev.setAutomine(true)
    await assert.rejects(reader.getTransaction({ hash }))
  })
})
