/**
 * The accountability contract as a genesis brings it, on one engine, and members with real keys who sign what they
 * should not. Errors and return values are decoded by viem with the compiler's interface.
 */
import { decodeErrorResult, decodeFunctionResult, encodeFunctionData, type Abi } from 'viem'
import { artifactOf, compileContracts } from '../../contracts/build/compile.ts'
import { bls } from '../../src/consensus/bls.ts'
import type { NodeId } from '../../src/consensus/election/election.ts'
import type { Signer } from '../../src/consensus/signature-scheme.ts'
import type { Domain } from '../../src/consensus/simplex/config.ts'
import type { Evidence } from '../../src/consensus/simplex/evidence.ts'
import { signedBytes } from '../../src/consensus/simplex/signing.ts'
import {
  NO_HASH,
  type Epoch,
  type SignedStatement,
  type Statement,
  type StatementKind,
  type View,
} from '../../src/consensus/simplex/types.ts'
import { ACCOUNTABILITY_ADDRESS, systemContracts } from '../../src/consensus/system-contracts/table.ts'
import { encodeEvidenceCall } from '../../src/consensus/accountability/offences.ts'
import { signTransaction } from '../../src/chain/transaction-signature.ts'
import { createSessions, type EngineName } from '../../src/execution/engines.ts'
import type { TransactionResult } from '../../src/execution/message.ts'
import type { TransactionSession } from '../../src/execution/transaction-session.ts'
import {
  bigintToFixedBytes,
  bytesToHex,
  EMPTY_BYTES,
  hexToBytes,
  type Address,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { privateKeyToAddress } from '../../src/primitives/secp256k1.ts'
import { memoryStateOf } from '../../src/state/genesis-state.ts'
import { OverlayState } from '../../src/state/overlay-state.ts'
import type { StateDiff, StateReader } from '../../src/state/state-reader.ts'
import { ContractFailure } from './contract-world.ts'
import { AMPLE_ALLOWANCE, smallConfig, smallEnvironment } from './small-world.ts'

export const REPORTER_KEY = new Uint8Array(32).fill(7)
export const REPORTER: Address = privateKeyToAddress(REPORTER_KEY)

export const SCOPE: Domain = {
  chainId: 31_337n,
  layer: 'witness',
  epoch: 3 as Epoch,
  committeeHash: `0x${'c0'.repeat(32)}` as Hash,
}
export const VIEW = 6 as View
/** Hashes of two blocks. */
export const A = `0x${'aa'.repeat(32)}` as Hash
export const B = `0x${'bb'.repeat(32)}` as Hash

/** The member with this number, counted from 1. */
export function member(number: number): Signer {
  return bls.signer(bigintToFixedBytes(BigInt(number), 32))
}

export function idOf({ publicKey }: Signer): NodeId {
  return bytesToHex(publicKey)
}

export function statement(kind: StatementKind, hash: Hash = A, view: View = VIEW): Statement {
  return { kind, view, hash: kind === 'nullify' ? NO_HASH : hash }
}

export function signed(signer: Signer, said: Statement, domain: Domain = SCOPE): SignedStatement {
  return { ...said, signer: 0, signature: signer.sign(signedBytes(domain, said)) }
}

export function evidence(signer: Signer, first: Statement, second: Statement, domain = SCOPE): Evidence {
  return { first: signed(signer, first, domain), second: signed(signer, second, domain) }
}

/** A contradiction that the tests of readers and reporters use where any will do. */
export function doubleVote(signer: Signer, view: View = VIEW, domain = SCOPE): Evidence {
  return evidence(signer, statement('notarize', A, view), statement('notarize', B, view), domain)
}

/** The contract's interface, as the compiler describes it. */
export async function accountabilityAbi(): Promise<Abi> {
  // Abi is what the compiler's JSON is.
  return artifactOf(await compileContracts(), 'Accountability').abi as Abi
}

export class AccountabilityWorld {
  readonly abi: Abi
  private readonly session: TransactionSession
  private readonly genesis: StateReader
  private readonly chainId: bigint
  private nonce = 0n

  private constructor(abi: Abi, session: TransactionSession, genesis: StateReader, chainId: bigint) {
    this.abi = abi
    this.session = session
    this.genesis = genesis
    this.chainId = chainId
  }

  static async create(engine: EngineName, chainId = SCOPE.chainId): Promise<AccountabilityWorld> {
    const reporter = { balance: 10n ** 18n, nonce: 0n, code: EMPTY_BYTES, storage: new Map() }
    const genesis = memoryStateOf(new Map([...systemContracts(), [REPORTER, reporter]]))
    const environment = smallEnvironment('osaka', { config: smallConfig('osaka', chainId) })
    const session = await (await createSessions(engine))(genesis, environment)
    return new AccountabilityWorld(await accountabilityAbi(), session, genesis, chainId)
  }

  state(): StateReader {
    return new OverlayState(this.genesis, this.changes())
  }

  /** What all transactions so far changed in the state of the genesis. */
  changes(): StateDiff {
    return this.session.diff()
  }

  /** @throws ContractFailure */
  async report(signer: Signer, found: Evidence, domain = SCOPE): Promise<TransactionResult> {
    return this.send(encodeEvidenceCall(domain, idOf(signer), found))
  }

  /** Calls a function by the compiler's interface. @throws ContractFailure */
  async call(functionName: string, args: readonly unknown[]): Promise<unknown> {
    const { abi } = this
    const { output } = await this.send(hexToBytes(encodeFunctionData({ abi, functionName, args: [...args] })))
    return decodeFunctionResult({ abi, functionName, data: bytesToHex(output) })
  }

  /** @throws ContractFailure */
  async send(data: Uint8Array): Promise<TransactionResult> {
    const fields = {
      type: 2,
      chainId: this.chainId,
      nonce: this.nonce,
      gasLimit: 5_000_000n,
      maxFeePerGas: 0n,
      maxPriorityFeePerGas: 0n,
      to: ACCOUNTABILITY_ADDRESS,
      value: 0n,
      data,
      accessList: [],
    } as const
    const transaction = signTransaction(fields, REPORTER_KEY)
    const result = await this.session.execute({ transaction, sender: REPORTER }, AMPLE_ALLOWANCE)
    this.nonce += 1n
    if (result.status === 'succeeded') return result
    if (result.output.length === 0) throw new ContractFailure(result.haltReason ?? 'reverted', [])
    const { errorName, args = [] } = decodeErrorResult({ abi: this.abi, data: bytesToHex(result.output) })
    throw new ContractFailure(errorName, args)
  }
}

/** Call data with one word replaced; words are counted behind the selector. */
export function withWord(call: Uint8Array, index: number, word: Uint8Array): Uint8Array {
  const changed = call.slice()
  changed.set(word, 4 + 32 * index)
  return changed
}
