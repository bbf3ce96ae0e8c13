/** This program's version, as package.json states it; a test compares them. */
export const VERSION = '0.1.0'

/** What `web3_clientVersion` answers. */
export function clientVersion(platform: {
  readonly os: string
  readonly arch: string
  readonly node: string
}): string {
  return `Aevir/${VERSION}/${platform.os}-${platform.arch}/node${platform.node}`
}

/**
 * What `web3_clientVersion` answers on a development node. It begins as anvil's does: Hardhat's network helpers and
 * OpenZeppelin's upgrades plugin go by that name when they decide whether a node can be mined, moved and reset.
 */
export function devClientVersion(platform: Parameters<typeof clientVersion>[0]): string {
  return `anvil/compatible/${clientVersion(platform)}`
}
