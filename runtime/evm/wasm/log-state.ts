/** The JavaScript side of logs in linear memory: records handed to the host. See `logs.ts` for when. */
import { LOG_RECORD, PackedLogs } from '../../../src/chain/packed-logs.ts'
import type { OperatingFrame } from './host-operations.ts'
import { ENGINE, LOGS, WORD_SIZE } from './layout.ts'
import type { Machine } from './machine.ts'

/** Hot: whenever a frame leaves Wasm, mostly for nothing. */
export function tellLogs(machine: Machine, { host, message }: OperatingFrame): void {
  const size = machine.field(ENGINE.logsSize)
  if (size === 0) return
  machine.setField(ENGINE.logsSize, 0)
  host.packedLogs(new PackedLogs(message.address, machine.copyLogs(LOGS, size)))
}

/** A log whose data is elsewhere in memory; no records wait. */
export function tellLargeLog(
  machine: Machine,
  { host, message }: OperatingFrame,
  data: number,
  size: number,
): void {
  const headSize = LOG_RECORD.topics + WORD_SIZE * machine.field(LOGS + LOG_RECORD.topicCount)
  const bytes = new Uint8Array(headSize + size)
  bytes.set(machine.bytes.subarray(LOGS, LOGS + headSize))
  bytes.set(machine.bytes.subarray(data, data + size), headSize)
  host.packedLogs(new PackedLogs(message.address, bytes))
}
