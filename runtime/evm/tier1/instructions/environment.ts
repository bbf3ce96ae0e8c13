/** What an instruction can read of its message, the transaction, the block and other accounts, in the interpreter in Wasm. */
import { CONTEXT, FRAME } from '../../wasm/layout.ts'
import type { Emit } from '../interpreter.ts'

/** Pushes the word at a constant address. */
function word(address: number): Emit {
  return (writer) => {
    writer.pushFrom(address)
    writer.next()
  }
}

/** Pushes the 32 bits at a constant address. */
function number(address: number): Emit {
  return (writer) => {
    writer.body.i32Const(0).i64Load32U(address).set(writer.extra)
    writer.pushSmall(writer.extra)
    writer.next()
  }
}

/** The host takes `inputs` words and leaves `outputs` in their place. */
const asked: Emit = (writer, { byte, inputs, outputs }) => {
  writer.callHost(byte)
  if (outputs > inputs) writer.grow()
  else writer.drop(inputs - outputs)
  writer.next()
}

export const ENVIRONMENT: Readonly<Record<string, Emit>> = {
  ADDRESS: word(FRAME.address),
  CALLER: word(FRAME.caller),
  CALLVALUE: word(FRAME.value),
  CALLDATASIZE: number(FRAME.inputSize),
  CODESIZE: number(FRAME.codeSize),
  RETURNDATASIZE: number(FRAME.returnDataSize),
  ORIGIN: word(CONTEXT.ORIGIN),
  GASPRICE: word(CONTEXT.GASPRICE),
  COINBASE: word(CONTEXT.COINBASE),
  TIMESTAMP: word(CONTEXT.TIMESTAMP),
  NUMBER: word(CONTEXT.NUMBER),
  PREVRANDAO: word(CONTEXT.PREVRANDAO),
  GASLIMIT: word(CONTEXT.GASLIMIT),
  CHAINID: word(CONTEXT.CHAINID),
  BASEFEE: word(CONTEXT.BASEFEE),
  BLOBBASEFEE: word(CONTEXT.BLOBBASEFEE),
  BLOBHASH: (writer) => {
    writer.pushAddress(0)
    writer.body.call(writer.callees.runtime.blobHash)
    writer.next()
  },
  BLOCKHASH: (writer) => {
    writer.pushAddress(0)
    writer.body.call(writer.callees.runtime.blockHash)
    writer.next()
  },
  SELFBALANCE: (writer) => {
    writer.body.get(writer.sp).call(writer.callees.runtime.selfBalance)
    writer.grow()
    writer.next()
  },
  BALANCE: asked,
  EXTCODESIZE: asked,
  EXTCODEHASH: asked,
}
