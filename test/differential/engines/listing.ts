/**
 * Programs as files that a person reads: text of the assembler with `;` comments. Lines that begin with a dot say what
 * is around it: `.gas N`, `.value N`, `.input 0x…` of the transaction, `.fork NAME`, `.storage SLOT VALUE` of the
 * account, `.account N` where the code of another one begins. The transaction calls account 0.
 */
import { hexToBytes, wordToAddress, wordToHash, EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import { AevirError } from '../../../src/primitives/errors.ts'
import { FORK_NAMES, type ForkName } from '../../../src/chain/forks.ts'
import { assemble } from '../../support/assembler.ts'
import { addressOfKey, type Blueprint, type BlueprintAccount } from '../blueprint.ts'
import { contractAddress, ETHER, plainAccount } from '../generate-accounts.ts'
import { callOf } from './plain-call.ts'

export class ListingError extends AevirError {
  override readonly code = 'INVALID_LISTING'
}

interface Account {
  readonly index: number
  readonly lines: string[]
  readonly storage: [bigint, bigint][]
}

/** @throws ListingError, AssemblerError */
export function caseFromListing(text: string): Blueprint {
  const call = { to: contractAddress(0), gasLimit: 100_000n, data: EMPTY_BYTES, value: 0n }
  let fork: ForkName = 'osaka'
  let account: Account = { index: 0, lines: [], storage: [] }
  const accounts = [account]
  for (const line of text.split('\n')) {
    const code = line.replace(/;.*/, '').trim()
    if (!code.startsWith('.')) {
      account.lines.push(code)
      continue
    }
    const [directive = '', first = '', second = ''] = code.split(/\s+/)
    switch (directive) {
      case '.gas':
        call.gasLimit = BigInt(first)
        break
      case '.value':
        call.value = BigInt(first)
        break
      case '.input':
        call.data = hexToBytes(first)
        break
      case '.fork':
        fork = forkOf(first)
        break
      case '.storage':
        account.storage.push([BigInt(first), BigInt(second)])
        break
      case '.account':
        account = { index: Number(first), lines: [], storage: [] }
        accounts.push(account)
        break
      default:
        throw new ListingError(`unknown directive ${directive}`)
    }
  }
  return {
    block: {
      fork,
      chainId: 1n,
      number: 300n,
      timestamp: 1_700_000_000n,
      beneficiary: wordToAddress(0xfee0n),
      gasLimit: 1n << 45n,
      prevRandao: wordToHash(1n),
      baseFeePerGas: 0n,
      excessBlobGas: 0n,
    },
    accounts: [...accounts.map(contractOf), plainAccount(addressOfKey(0), ETHER)],
    transactions: [callOf(call, 0n)],
  }
}

function contractOf({ index, lines, storage }: Account): BlueprintAccount {
  return {
    ...plainAccount(contractAddress(index), 10n),
    nonce: 1n,
    code: assemble(...lines),
    storage,
  }
}

function forkOf(name: string): ForkName {
  const found = FORK_NAMES.find((fork) => fork === name)
  if (found === undefined) throw new ListingError(`unknown fork ${name}`)
  return found
}
