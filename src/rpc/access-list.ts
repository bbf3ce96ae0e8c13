/** Access lists for calls (EIP-2930): a run with the list so far names what it touches, until that is all in the list. */
import type { Address } from '../primitives/bytes.ts'
import { createAddress } from '../chain/contract-address.ts'
import { recoverAuthority } from '../chain/transaction-signature.ts'
import type { AccessListEntry } from '../chain/transaction.ts'
import type { CallMessage } from '../execution/message.ts'
import { AccessListTracer } from '../execution/tracers/access-list-tracer.ts'
import { precompilesOf } from '../../runtime/evm/precompiles/table.ts'
import { failureText, runCall, type CallContext } from './call.ts'
import type { Pause } from './pause.ts'

/** Runs after which a list that still grows is taken as it is: only code that looks at its gas does that. */
const ROUNDS_MAX = 16

export interface AccessListResult {
  readonly accessList: readonly AccessListEntry[]
  /** With the list. */
  readonly gasUsed: bigint
  /** Why the call fails, when it does. */
  readonly error: string | undefined
}

/** @throws InvalidTransactionError */
export async function createAccessList(
  context: CallContext,
  message: CallMessage,
  pause: Pause,
): Promise<AccessListResult> {
  const warm = warmAccounts(context, message)
  const isExcluded = (address: Address): boolean => warm.has(address)
  let before = new AccessListTracer(message.accessList, isExcluded)
  for (let round = 1; ; round++) {
    await pause()
    const accessList = before.accessList()
    const attempted = { ...message, accessList }
    const after = new AccessListTracer(accessList, isExcluded)
    const { result } = runCall(context, attempted, after)
    if (after.size === before.size || round === ROUNDS_MAX) {
      const error = result.status === 'succeeded' ? undefined : failureText(context, attempted, result)
      return { accessList, gasUsed: result.gasUsed, error }
    }
    before = after
  }
}

/** Accounts that a transaction finds warm without a list, or warms by itself (EIP-2929, 7702). */
function warmAccounts({ state, environment }: CallContext, message: CallMessage): ReadonlySet<Address> {
  const { from, to, authorizationList } = message
  const nonce = state.account(from)?.nonce ?? 0n
  const chainIds = new Set([0n, environment.config.chainId])
  const authorities = authorizationList
    .filter(({ chainId }) => chainIds.has(chainId))
    .flatMap((authorization) => recoverAuthority(authorization) ?? [])
  return new Set([
    from,
    to ?? createAddress(from, nonce),
    ...precompilesOf(environment.rules.evm).keys(),
    ...authorities,
  ])
}
