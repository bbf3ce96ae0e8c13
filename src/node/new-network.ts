/** Makes the genesis of a new network: its nodes, and the coins that exist from the start. For development networks. */
import { devGenesis } from '../chain/dev-genesis.ts'
import type { Genesis, GenesisAccount } from '../chain/genesis.ts'
import { bls } from '../consensus/bls.ts'
import { DEFAULT_PARAMETERS, type ConsensusParameters } from '../consensus/committees/parameters.ts'
import type { RegisteredNode } from '../consensus/committees/registry.ts'
import { provePossession } from '../consensus/signature-scheme.ts'
import { systemContracts } from '../consensus/system-contracts/table.ts'
import { bytesToHex, EMPTY_BYTES, type Address } from '../primitives/bytes.ts'
import { networkGenesisKey } from './network-genesis.ts'

/** What a node has at stake where all are equal, in wei. */
const STAKE = 32n * 10n ** 18n
const POINTS = 100n
/** What an operator starts with, in wei: it pays for reports of broken rules. */
const OPERATOR_BALANCE = 100n * 10n ** 18n

export type Role = 'executor' | 'witness'

export interface NewNode {
  readonly role: Role
  /** The consensus key, 32 bytes. */
  readonly secret: Uint8Array
  /** The account that its rewards go to, and that it pays from. */
  readonly operator: Address
}

export interface NewNetwork {
  readonly chainId: bigint
  /** Of the first block, in seconds since 1970. */
  readonly timestamp: bigint
  readonly nodes: readonly NewNode[]
  /** Beside the numbers of seats, which are those of the nodes. */
  readonly parameters?: Partial<Omit<ConsensusParameters, 'executorSeats' | 'witnessSeats'>>
}

/** The text of its genesis file. The development accounts have coins in it. */
export function newNetworkGenesis({ chainId, timestamp, nodes, parameters = {} }: NewNetwork): string {
  const count = (role: Role): number => nodes.filter((node) => node.role === role).length
  const all: ConsensusParameters = {
    ...DEFAULT_PARAMETERS,
    ...parameters,
    executorSeats: count('executor'),
    witnessSeats: count('witness'),
  }
  const genesis = devGenesis({ chainId, timestamp })
  const operators = nodes.map(({ operator }) => [operator, accountWith(OPERATOR_BALANCE)] as const)
  const alloc = new Map([...genesis.alloc, ...operators, ...systemContracts()])
  const file = {
    ...genesisToJson({ ...genesis, alloc }),
    aevir: networkGenesisKey(all, nodes.map(register)),
  }
  return `${JSON.stringify(file, undefined, 2)}\n`
}

function register({ role, secret, operator }: NewNode): RegisteredNode {
  const signer = bls.signer(secret)
  return {
    id: bytesToHex(signer.publicKey),
    proofOfPossession: provePossession(signer),
    stake: role === 'executor' ? STAKE : 0n,
    points: role === 'witness' ? POINTS : 0n,
    isJailed: false,
    payout: operator,
  }
}

function accountWith(balance: bigint): GenesisAccount {
  return { balance, nonce: 0n, code: EMPTY_BYTES, storage: new Map() }
}

/** As geth has it. Accounts of a development genesis have no storage. */
function genesisToJson({ config, header, alloc }: Genesis): object {
  const forks = config.forks.map(({ name, timestamp }) => [`${name}Time`, Number(timestamp)] as const)
  const accounts = [...alloc].map(([address, { balance, nonce, code }]) => [
    address,
    {
      balance: quantity(balance),
      ...(nonce === 0n ? {} : { nonce: quantity(nonce) }),
      ...(code.length === 0 ? {} : { code: bytesToHex(code) }),
    },
  ])
  return {
    config: { chainId: Number(config.chainId), ...Object.fromEntries(forks) },
    timestamp: quantity(header.timestamp),
    gasLimit: quantity(header.gasLimit),
    baseFeePerGas: quantity(header.baseFeePerGas ?? 0n),
    alloc: Object.fromEntries(accounts),
  }
}

function quantity(value: bigint): string {
  return `0x${value.toString(16)}`
}
