/** What code can read of its message, the transaction, the block and other accounts. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hexToBytes } from '../../../src/primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../../../src/primitives/keccak.ts'
import { assemble, pushOf } from '../../support/assembler.ts'
import { CALLER, evaluate, FakeHost, OTHER, runCode, SELF } from '../../support/fake-host.ts'

const { block, transaction } = new FakeHost()

suite('the context of a frame', () => {
  const cases: [string, bigint][] = [
    ['ADDRESS', BigInt(SELF)],
    ['CALLER', BigInt(CALLER)],
    ['CALLVALUE', 77n],
    ['CALLDATASIZE', 3n],
    ['RETURNDATASIZE', 0n],
    ['ORIGIN', BigInt(transaction.origin)],
    ['GASPRICE', transaction.gasPrice],
    ['COINBASE', BigInt(block.beneficiary)],
    ['TIMESTAMP', block.timestamp],
    ['NUMBER', block.number],
    ['PREVRANDAO', BigInt(block.prevRandao)],
    ['GASLIMIT', block.gasLimit],
    ['CHAINID', block.chainId],
    ['BASEFEE', block.baseFeePerGas],
    ['BLOBBASEFEE', block.blobBaseFee],
    ['PUSH0 BLOBHASH', BigInt(transaction.blobVersionedHashes[0] ?? 0)],
    ['PUSH1 1 BLOBHASH', BigInt(transaction.blobVersionedHashes[1] ?? 0)],
    ['PUSH1 2 BLOBHASH', 0n],
    ['PUSH0 NOT BLOBHASH', 0n],
    ['PUSH2 999 BLOCKHASH', 999n],
    ['PUSH2 744 BLOCKHASH', 744n],
    ['PUSH2 743 BLOCKHASH', 0n],
    ['PUSH2 1000 BLOCKHASH', 0n],
    ['PUSH0 NOT BLOCKHASH', 0n],
    ['SELFBALANCE', 12n],
  ]
  for (const [program, expected] of cases) {
    test(program, () => {
      const host = new FakeHost()
      host.accounts.set(SELF, { balance: 12n })
      assert.equal(evaluate(program, { host, value: 77n, input: new Uint8Array(3) }), expected)
    })
  }
})

suite('other accounts', () => {
  const code = hexToBytes('0xef0100' + '7a'.repeat(20))
  const readers: [string, bigint][] = [
    ['BALANCE', 34n],
    ['EXTCODESIZE', 23n],
    ['EXTCODEHASH', BigInt(keccak256Hash(code))],
  ]

  for (const [mnemonic, expected] of readers) {
    test(`${mnemonic} reads the account itself, delegated or not, for 2,600 cold and 100 warm`, () => {
      const host = new FakeHost()
      host.accounts.set(OTHER, { balance: 34n, code })
      assert.equal(evaluate(`PUSH20 ${OTHER} ${mnemonic}`, { host }), expected)
      const gasLeft = (host: FakeHost) => {
        const outcome = runCode(assemble('PUSH20', OTHER, mnemonic), { host })
        assert(outcome.kind === 'return')
        return outcome.gasLeft
      }
      assert.equal(1_000_000n - gasLeft(host), 3n + 100n)
      assert.equal(1_000_000n - gasLeft(new FakeHost()), 3n + 2600n)
    })

    test(`${mnemonic} of a cold account that cannot be paid reads nothing`, () => {
      const host = new FakeHost()
      host.balance = host.code = host.codeHash = () => assert.fail('read before it was paid')
      const outcome = runCode(assemble('PUSH20', OTHER, mnemonic), { host, gas: 3n + 2599n })
      assert.deepEqual(outcome, { kind: 'halt', reason: 'outOfGas' })
    })
  }

  test('EXTCODEHASH is zero for a dead account and the hash of nothing for one without code (EIP-1052)', () => {
    const host = new FakeHost()
    assert.equal(evaluate(`PUSH20 ${OTHER} EXTCODEHASH`, { host }), 0n)
    host.accounts.set(OTHER, { nonce: 1n })
    assert.equal(evaluate(`PUSH20 ${OTHER} EXTCODEHASH`, { host }), BigInt(EMPTY_CODE_HASH))
  })

  test('an address is the lowest 20 bytes of a word', () => {
    const host = new FakeHost()
    host.accounts.set(OTHER, { balance: 34n })
    assert.equal(evaluate(`${pushOf((5n << 160n) | BigInt(OTHER))} BALANCE`, { host }), 34n)
  })
})
