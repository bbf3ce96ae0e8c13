/**
 * A node of `aevir devnet --processes`: what `aevir start` runs, with a channel to its parent through which it can be
 * broken. It ends with its parent, however that ends.
 */
import { ChildControl } from '../node/devnet/child-control.ts'
import type { ChildSettings, FromChild, ToChild } from '../node/devnet/child-messages.ts'
import { SealReports } from '../node/devnet/seal-reports.ts'
import { createLog } from '../node/structured-log.ts'
import { systemClock } from '../node/system-clock.ts'
import { describeError } from './report-error.ts'
import { openConfigured, readConfig } from './start.ts'

const MEMORY_INTERVAL_MS = 2_000

function send(message: FromChild): void {
  process.send?.(message)
}

async function run(settings: ChildSettings): Promise<void> {
  // Ctrl-C reaches the whole group of processes; the parent decides what becomes of it.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  process.on('disconnect', () => process.exit(1))
  const opened = Promise.withResolvers<() => Promise<void>>()
  const control = new ChildControl({
    send,
    clock: systemClock,
    onStop: () => void opened.promise.then(end),
  })
  // Only the parent is at the other end.
  process.on('message', (message) => control.receive(message as ToChild))
  const { config: path, listen, bootstrap, rpcPort, engine, history, logLevel } = settings
  const config = await readConfig({
    config: path,
    listen,
    bootstrap,
    host: '127.0.0.1',
    port: rpcPort,
    engine,
    history,
    logLevel,
    logFormat: 'pretty',
  })
  const log = createLog({ level: config.logLevel, format: config.logFormat, stream: process.stdout })
  const running = await openConfigured(config, log, {
    faults: control,
    wrapTransport: (transport) => control.wrapTransport(transport),
    decorateHost: (host, signer) => control.decorateHost(host, signer),
  })
  if (settings.hasReports) {
    const reports = new SealReports(
      () => systemClock.nowMs(),
      (report) => send({ kind: 'report', report }),
    )
    running.node.backend.subscribe((event) => reports.onEvent(event))
  }
  tellMemory()
  setInterval(tellMemory, MEMORY_INTERVAL_MS).unref()
  send({ kind: 'ready', url: running.url, head: running.node.chain.head().number })
  opened.resolve(() => running.stop())
}

function tellMemory(): void {
  send({ kind: 'memory', bytes: process.memoryUsage.rss() })
}

async function end(stop: () => Promise<void>): Promise<void> {
  try {
    await stop()
    process.exit(0)
  } catch (error) {
    fail(error)
  }
}

function fail(error: unknown): void {
  process.stderr.write(`${describeError(error)}\n`)
  process.exit(1)
}

const [, , settings] = process.argv
if (settings === undefined || process.send === undefined) {
  fail(new Error('this is a part of aevir devnet and cannot be started by itself'))
} else {
  // The parent wrote it.
  run(JSON.parse(settings) as ChildSettings).catch(fail)
}
