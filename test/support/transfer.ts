/** Transfers between the first two development accounts, signed. */
import { DEV_ACCOUNTS } from '../../src/chain/dev-genesis.ts'
import { signTransaction } from '../../src/chain/transaction-signature.ts'
import type { Transaction } from '../../src/chain/transaction.ts'
import { present } from '../../src/primitives/assert.ts'
import { EMPTY_BYTES, hexToBytes, type Address } from '../../src/primitives/bytes.ts'

const [sender, receiver] = DEV_ACCOUNTS
const { address, privateKey } = present(sender, 'development account')
export const SENDER: Address = address
export const RECEIVER: Address = present(receiver, 'development account').address

/** From {@link SENDER}, on the chain of development networks. */
export function transfer(nonce: bigint, to: Address = RECEIVER, value = 1n): Transaction {
  return signTransaction(
    {
      type: 2,
      chainId: 31_337n,
      nonce,
      gasLimit: 21_000n,
      to,
      value,
      data: EMPTY_BYTES,
      accessList: [],
      maxFeePerGas: 100n * 10n ** 9n,
      maxPriorityFeePerGas: 10n ** 9n,
    },
    hexToBytes(privateKey),
  )
}
