/**
 * Keys and genesis of a network that one process runs to be played with. Everything comes from a seed, so that it is there
 * at once and the same each time; whoever knows the seed is every node of the network.
 */
import { bls } from '../../consensus/bls.ts'
import type { Operator } from '../../consensus/accountability/evidence-reporter.ts'
import type { ConsensusParameters } from '../../consensus/committees/parameters.ts'
import type { NodeId } from '../../consensus/election/election.ts'
import type { SignatureScheme, Signer } from '../../consensus/signature-scheme.ts'
import { signTransaction } from '../../chain/transaction-signature.ts'
import { bytesToHex } from '../../primitives/bytes.ts'
import { keccak256 } from '../../primitives/keccak.ts'
import { privateKeyToAddress } from '../../primitives/secp256k1.ts'
import { newNetworkGenesis, type NewNode, type Role } from '../new-network.ts'

/** Of the first byte of a secret: keeps it below the orders of both curves (0x73ed… and 0xffff…). */
const SECRET_MASK = 0x3f

/** A node of the network, before it runs. */
export interface NodePlan {
  /** `executor-1`, `witness-3`: counted from 1. */
  readonly name: string
  readonly role: Role
  readonly id: NodeId
  readonly signer: Signer
  readonly operator: Operator
}

export interface ThrowAwayNetwork {
  readonly executors: number
  readonly witnesses: number
  /** Any text. */
  readonly seed: string
}

/** Executors first. */
export function planNodes(
  { executors, witnesses, seed }: ThrowAwayNetwork,
  scheme: SignatureScheme = bls,
): readonly NodePlan[] {
  return [...names('executor', executors), ...names('witness', witnesses)].map(({ name, role }) => {
    const signer = scheme.signer(secretOf(seed, name, 'consensus'))
    const operatorKey = secretOf(seed, name, 'operator')
    const operator: Operator = {
      address: privateKeyToAddress(operatorKey),
      signTransaction: (fields) => signTransaction(fields, operatorKey),
    }
    return { name, role, id: bytesToHex(signer.publicKey), signer, operator }
  })
}

/** Text of the genesis file. @param timestamp of the first block, in seconds since 1970. */
export function throwAwayGenesis(
  network: ThrowAwayNetwork,
  chain: {
    readonly chainId: bigint
    readonly timestamp: bigint
    readonly parameters?: Partial<Omit<ConsensusParameters, 'executorSeats' | 'witnessSeats'>>
  },
): string {
  const nodes = planNodes(network).map(({ name, role, operator }): NewNode => ({
    role,
    secret: secretOf(network.seed, name, 'consensus'),
    operator: operator.address,
  }))
  return newNetworkGenesis({ ...chain, nodes })
}

function names(role: Role, count: number): { readonly name: string; readonly role: Role }[] {
  return Array.from({ length: count }, (_, index) => ({ name: `${role}-${index + 1}`, role }))
}

/** 32 bytes. */
function secretOf(seed: string, name: string, purpose: string): Uint8Array {
  const secret = keccak256(new TextEncoder().encode(`aevir devnet\n${seed}\n${name}\n${purpose}`))
  secret[0] = (secret[0] ?? 0) & SECRET_MASK
  return secret
}
