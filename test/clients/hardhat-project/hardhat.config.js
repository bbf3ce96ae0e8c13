// A Hardhat 3 project as people set it up, but for the compiler: it is the one that npm installed, not a download.
// JavaScript, because types of Hardhat are not there where the rest of the repository is checked.
import { createRequire } from 'node:module'
import ethers from '@nomicfoundation/hardhat-ethers'
import networkHelpers from '@nomicfoundation/hardhat-network-helpers'
import nodeTestRunner from '@nomicfoundation/hardhat-node-test-runner'
import viem from '@nomicfoundation/hardhat-viem'
import viemAssertions from '@nomicfoundation/hardhat-viem-assertions'
import { defineConfig } from 'hardhat/config'

// oxlint-disable-next-line import/no-default-export -- where Hardhat looks for it
export default defineConfig({
  plugins: [ethers, networkHelpers, nodeTestRunner, viem, viemAssertions],
  solidity: {
    version: '0.8.37',
    path: createRequire(import.meta.url).resolve('solc/soljson.js'),
    settings: { evmVersion: 'osaka', optimizer: { enabled: true, runs: 200 } },
  },
  networks: {
    aevir: { type: 'http', chainType: 'l1', url: process.env.AEVIR_URL ?? 'http://127.0.0.1:8545' },
  },
})
