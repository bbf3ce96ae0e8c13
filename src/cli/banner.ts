/** What a development node says when it is ready: accounts, keys, and lines to paste. */
import { isIPv4 } from 'node:net'
import type { DevAccount } from '../chain/dev-genesis.ts'
import type { Genesis } from '../chain/genesis.ts'
import { checksumAddress } from '../primitives/checksum-address.ts'
import { VERSION } from '../node/version.ts'
import { bold } from './terminal.ts'

const MNEMONIC = 'test test test test test test test test test test test junk'
const DERIVATION_PATH = "m/44'/60'/0'/0/"
const COIN_DECIMALS = 18
/** Decimals that are shown of a balance. */
const SHOWN_DECIMALS = 4

export interface ReadyFacts {
  readonly url: string
  readonly genesis: Genesis
  /** Of the newest block. */
  readonly gasLimit: bigint
  readonly accounts: readonly (DevAccount & {
    /** Now, in wei. */
    readonly balance: bigint
  })[]
  /** Newest block: more than 0 when the chain is continued. */
  readonly head: bigint
  /** `undefined` when the chain is in memory. */
  readonly directory: string | undefined
}

export function banner(facts: ReadyFacts): string {
  const { url, genesis, gasLimit, accounts } = facts
  const { header, config } = genesis
  const [first, second] = accounts
  const sections = [
    [
      'Available Accounts',
      ...accounts.map(
        ({ address, balance }, i) => `(${i}) ${checksumAddress(address)} (${formatCoins(balance)} coins)`,
      ),
    ],
    ['Private Keys', ...accounts.map(({ privateKey }, i) => `(${i}) ${privateKey}`)],
    ['Wallet', `Mnemonic:          ${MNEMONIC}`, `Derivation path:   ${DERIVATION_PATH}`],
    ['Chain ID', `${config.chainId}`],
    ['Gas Limit', `${gasLimit}`],
    ['Genesis Timestamp', `${header.timestamp}`],
    [
      'Try it',
      `cast balance ${first?.address} --ether --rpc-url ${url}`,
      `cast send ${second?.address} --value 1ether --rpc-url ${url} --private-key ${first?.privateKey}`,
      `curl -s ${url} -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}'`,
      `viem: createTestClient({ mode: 'anvil', chain: foundry, transport: http('${url}') })`,
    ],
  ]
  const body = sections.map(
    ([title, ...lines]) => `${bold(title as string)}\n==================\n${lines.join('\n')}\n`,
  )
  return `\n${bold(`Aevir ${VERSION}`)} development node\n\n${body.join('\n')}\n${closing(facts)}`
}

/** The same for programs: one line of JSON. */
export function readyLine({ url, genesis, head, directory, accounts }: ReadyFacts): string {
  const ready = {
    url,
    webSocketUrl: url.replace(/^http/, 'ws'),
    chainId: Number(genesis.config.chainId),
    head: Number(head),
    data: directory ?? null,
    accounts: accounts.map(({ address, privateKey }) => ({ address, privateKey })),
    mnemonic: MNEMONIC,
  }
  return `${JSON.stringify(ready)}\n`
}

function closing({ url, head, directory }: ReadyFacts): string {
  const lines = [
    directory === undefined
      ? 'The chain is in memory and ends with this process.'
      : head === 0n
        ? `The chain is kept in ${directory}.`
        : `The chain in ${directory} goes on from block ${head} (--reset starts over).`,
    'These keys are known to everybody: never use them anywhere else.',
    ...(isLocal(url) ? [] : ['Everybody who can reach this machine can use this node and these accounts.']),
  ]
  return `${lines.join('\n')}\n\n${bold(`Listening on ${url}`)}\n`
}

function isLocal(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
}

/** Rounded down. @param wei in wei. */
function formatCoins(wei: bigint): string {
  const digits = `${wei}`.padStart(COIN_DECIMALS + 1, '0')
  const decimals = digits.slice(-COIN_DECIMALS).slice(0, SHOWN_DECIMALS).replace(/0+$/, '')
  const whole = digits.slice(0, -COIN_DECIMALS)
  return decimals === '' ? whole : `${whole}.${decimals}`
}
