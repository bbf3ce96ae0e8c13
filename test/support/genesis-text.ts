/** A genesis file of a chain with Osaka's rules from the start, on which one development account has 1,000 coins. */
import { SYSTEM_CONTRACTS } from '../../src/chain/system-contracts.ts'
import { bytesToHex } from '../../src/primitives/bytes.ts'

const ALICE = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'
const schedule = { target: 6, max: 9, baseFeeUpdateFraction: 5_007_716 }

const GENESIS = {
  config: {
    chainId: 2025,
    homesteadBlock: 0,
    eip150Block: 0,
    eip155Block: 0,
    eip158Block: 0,
    byzantiumBlock: 0,
    constantinopleBlock: 0,
    petersburgBlock: 0,
    istanbulBlock: 0,
    berlinBlock: 0,
    londonBlock: 0,
    terminalTotalDifficulty: 0,
    shanghaiTime: 0,
    cancunTime: 0,
    pragueTime: 0,
    osakaTime: 0,
    blobSchedule: { cancun: { ...schedule, target: 3, max: 6 }, prague: schedule, osaka: schedule },
  },
  timestamp: '0x65000000',
  gasLimit: '0x1c9c380',
  alloc: Object.fromEntries([
    [ALICE, { balance: `0x${(1000n * 10n ** 18n).toString(16)}` }],
    ...SYSTEM_CONTRACTS.map(({ address, code }) => [
      address,
      { balance: '0x0', nonce: '0x1', code: bytesToHex(code) },
    ]),
  ]),
}

export const GENESIS_TEXT = JSON.stringify(GENESIS)
