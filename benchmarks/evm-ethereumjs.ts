/** Calls on `@ethereumjs/evm`, each on a new state, whose making is not measured. */
import { Common, Hardfork, Mainnet } from '@ethereumjs/common'
import { createEVM } from '@ethereumjs/evm'
import { createAccount, createAddressFromString } from '@ethereumjs/util'
import { bigintToFixedBytes, bytesToHex, hexToBytes } from '../src/primitives/bytes.ts'
import type { PlacedAccount } from './evm-calls.ts'
import { processorMs, type Runner } from './evm-runner.ts'

export function createEthereumJsRunner(): Runner {
  const accounts = new Map<string, PlacedAccount>()
  return {
    settle: async () => 0,
    place: async (placed) => {
      for (const account of placed) accounts.set(account.address, account)
    },
    async run({ from, to, data, gas }, count) {
      let [runs, wallMs, spentMs] = [0, 0, 0]
      for (;;) {
        const evm = await createEvmWith(accounts.values())
        const options = {
          caller: createAddressFromString(from),
          to: createAddressFromString(to),
          data: hexToBytes(data),
          gasLimit: BigInt(gas),
        }
        evm.journal.addAlwaysWarmAddress(to)
        const processorBefore = processorMs()
        const start = performance.now()
        const { execResult } = await evm.runCall(options)
        wallMs += (performance.now() - start) / count
        spentMs += (processorMs() - processorBefore) / count
        runs += 1
        if (runs < count) continue
        const { exceptionError, returnValue, executionGasUsed } = execResult
        const output = exceptionError === undefined ? bytesToHex(returnValue) : undefined
        return { time: { wallMs, processorMs: spentMs }, output, gasUsed: Number(executionGasUsed) }
      }
    },
  }
}

async function createEvmWith(accounts: Iterable<PlacedAccount>) {
  const evm = await createEVM({ common: new Common({ chain: Mainnet, hardfork: Hardfork.Osaka }) })
  for (const { address: hex, code, storage = {} } of accounts) {
    const address = createAddressFromString(hex)
    await evm.stateManager.putAccount(address, createAccount({ nonce: 1n }))
    await evm.stateManager.putCode(address, hexToBytes(code))
    for (const [slot, value] of Object.entries(storage)) {
      await evm.stateManager.putStorage(address, wordBytes(slot), wordBytes(value))
    }
  }
  return evm
}

function wordBytes(word: string): Uint8Array {
  return bigintToFixedBytes(BigInt(word), 32)
}
