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
