/**
 * LOG0 … LOG4 without the host: a frame's logs are records in linear memory, which the host is handed all at once when the
 * frame leaves Wasm for the driver. So its journal has them whenever a checkpoint is taken, and takes them back by it.
 */
import { LOG_ALIGNMENT, LOG_RECORD } from '../../../src/chain/packed-logs.ts'
import { I32, V128, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import { ENGINE, LOGS, LOGS_SIZE, WORD_SIZE } from './layout.ts'
import { REVERSE_BYTES } from './words/word-writer.ts'

/** Operations of the host for logs, beside opcodes. */
export const LOG_OPERATION = {
  /** The records fill their place: hands them over. */
  tell: 0x110,
  /**
   * Hands over the records, and with them a log whose data alone is too large: header and topics are at {@link LOGS}, the
   * data is at the second parameter, of a size that is the third one.
   */
  tellLarge: 0x111,
} as const

const TOPICS_MAX = 4
/** Data that fits when there are no other records. */
const DATA_MAX = LOGS_SIZE - LOG_RECORD.topics - WORD_SIZE * TOPICS_MAX - LOG_ALIGNMENT
/** Up to here a loop over vectors beats `memory.copy`, which is a call out of Wasm. */
const LOOP_COPY_MAX = 256

/** Indices of functions. */
export interface LogFunctions {
  /**
   * (address of the data, its size, address behind the first topic's word with the others below it, number of topics:
   * i32). Gas and memory are paid for.
   */
  readonly appendLog: number
}

export function emitLogFunctions(module: ModuleWriter, host: number): LogFunctions {
  const index = module.function(module.type([I32, I32, I32, I32], []), 'appendLog')
  const body = module.body(index)
  const [data, size, topic, count] = [0, 1, 2, 3]
  const [used, record, end, isLarge] = body.locals(I32, 4) as [Local, Local, Local, Local]
  const pushEnd = (): void => {
    body.get(used).get(count).i32Const(5).i32Shl().i32Add().get(size).i32Add()
    body
      .i32Const(LOG_RECORD.topics + LOG_ALIGNMENT - 1)
      .i32Add()
      .i32Const(-LOG_ALIGNMENT)
      .i32And()
  }
  body.get(size).i32Const(DATA_MAX).i32GtU().tee(isLarge)
  body.i32Const(0).i32Load(ENGINE.logsSize).set(used)
  pushEnd()
  body.tee(end).i32Const(LOGS_SIZE).i32GtU().i32Or()
  body.if(() => {
    body.i32Const(LOG_OPERATION.tell).i32Const(0).i32Const(0).call(host).drop().i32Const(0).set(used)
    pushEnd()
    body.set(end)
  })
  body.get(used).i32Const(LOGS).i32Add().tee(record).get(size).i32Store(LOG_RECORD.dataSize)
  body.get(record).get(count).i32Store(LOG_RECORD.topicCount)
  body.get(record).i32Const(LOG_RECORD.topics).i32Add().set(record)
  copyTopics(body, { topic, count, record })
  body.get(isLarge).if(() => {
    body.i32Const(LOG_OPERATION.tellLarge).get(data).get(size).call(host).drop().return()
  })
  copyData(body, { data, size, record, left: isLarge })
  body.i32Const(0).get(end).i32Store(ENGINE.logsSize)
  return { appendLog: index }
}

/** Turns words into bytes at `record`, and moves that behind them. */
function copyTopics(
  body: FunctionBody,
  { topic, count, record }: { readonly topic: Local; readonly count: Local; readonly record: Local },
): void {
  const half = body.local(V128)
  body.block((done) => {
    body.get(count).i32Eqz().brIf(done)
    body.loop((again) => {
      body.get(topic).i32Const(WORD_SIZE).i32Sub().set(topic)
      for (const [from, to] of [
        [16, 0],
        [0, 16],
      ] as const) {
        body.get(record).get(topic).v128Load(from).tee(half).get(half).i8x16Shuffle(REVERSE_BYTES)
        body.v128Store(to)
      }
      body.get(record).i32Const(WORD_SIZE).i32Add().set(record)
      body.get(count).i32Const(1).i32Sub().tee(count).brIf(again)
    })
  })
}

interface DataCopy {
  readonly data: Local
  readonly size: Local
  readonly record: Local
  /** Scratch. */
  readonly left: Local
}

/** Whole vectors only in the loop: it reads nothing behind the data. */
function copyData(body: FunctionBody, { data, size, record, left }: DataCopy): void {
  body.block((done) => {
    body.get(size).tee(left).i32Eqz().brIf(done)
    body.get(size).i32Const(15).i32And().get(size).i32Const(LOOP_COPY_MAX).i32GtU().i32Or()
    body.if(() => body.get(record).get(data).get(size).memoryCopy().br(done))
    body.loop((again) => {
      body.get(record).get(data).v128Load().v128Store()
      body.get(record).i32Const(16).i32Add().set(record)
      body.get(data).i32Const(16).i32Add().set(data)
      body.get(left).i32Const(16).i32Sub().tee(left).brIf(again)
    })
  })
}
