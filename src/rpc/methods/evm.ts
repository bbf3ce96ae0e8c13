/** `evm_`: the oldest names of development nodes, from ganache; Hardhat and anvil both have them. */
import {
  devMethod,
  devMethodAnswering,
  increaseTime,
  mineDetailed,
  mineWithOptions,
  revert,
  setAutomine,
  setBlockGasLimit,
  setIntervalMiningEither,
  setNextBlockTimestamp,
  setNonce,
  setTime,
  snapshot,
} from '../dev-operations.ts'
import type { MethodTable } from '../method.ts'

export const methods = {
  evm_snapshot: devMethod(snapshot),
  evm_revert: devMethod(revert),
  evm_mine: devMethodAnswering('0x0', mineWithOptions),
  evm_mine_detailed: devMethod(mineDetailed),
  evm_increaseTime: devMethod(increaseTime),
  evm_setNextBlockTimestamp: devMethodAnswering(null, setNextBlockTimestamp),
  evm_setTime: devMethod(setTime),
  evm_setAutomine: devMethodAnswering(true, setAutomine),
  evm_setIntervalMining: devMethodAnswering(true, setIntervalMiningEither),
  evm_setBlockGasLimit: devMethodAnswering(true, setBlockGasLimit),
  evm_setAccountNonce: devMethodAnswering(true, setNonce),
} as const satisfies MethodTable
