/** What a development node says when it is ready: accounts, keys, and lines to paste. */
import type { DevAccount } from '../chain/dev-genesis.ts'
import type { Genesis } from '../chain/genesis.ts'
import { checksumAddress } from '../primitives/checksum-address.ts'
import { VERSION } from '../node/version.ts'
import { bold } from './terminal.ts'

const MNEMONIC = 'test test test test test test test test test test test junk'
const DERIVATION_PATH = "m/44'/60'/0'/0/"

export interface BannerFacts {
  readonly url: string
  readonly genesis: Genesis
  /** Coins of each account at genesis; `undefined` when a genesis file says it. */
  readonly coins: bigint | undefined
  readonly accounts: readonly DevAccount[]
  /** Newest block: more than 0 when the chain is continued. */
  readonly head: bigint
  readonly directory: string | undefined
}

export function banner(facts: BannerFacts): string {
  const { url, genesis, accounts, coins } = facts
  const { header, config } = genesis
  const [first, second] = accounts
  const funds = coins === undefined ? '' : ` (${coins} coins)`
  const sections = [
    ['Available Accounts', ...accounts.map(({ address }, i) => `(${i}) ${checksumAddress(address)}${funds}`)],
    ['Private Keys', ...accounts.map(({ privateKey }, i) => `(${i}) ${privateKey}`)],
    ['Wallet', `Mnemonic:          ${MNEMONIC}`, `Derivation path:   ${DERIVATION_PATH}`],
    ['Chain ID', `${config.chainId}`],
    ['Gas Limit', `${header.gasLimit}`],
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

function closing({ url, head, directory }: BannerFacts): string {
  const where =
    directory === undefined
      ? 'The chain is in memory and ends with this process.'
      : head === 0n
        ? `The chain is kept in ${directory}.`
        : `The chain in ${directory} goes on from block ${head} (--reset starts over).`
  return `${where}\nThese keys are known to everybody: never use them anywhere else.\n\n${bold(`Listening on ${url}`)}\n`
}
