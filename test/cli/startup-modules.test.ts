/**
 * What a development node does not load before its first answer. Half of what Node brings along is loaded when somebody
 * lists the exports of a built-in module, and an import does: this test notices when that happens again.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
/** Tells at the end which of Node's own modules were loaded. */
const REPORTER = `data:text/javascript,process.on('exit',()=>console.log('loaded '+process.moduleLoadList.join()))`
const COSTLY = ['internal/deps/undici/undici', 'internal/tls/wrap', 'tls', 'https', 'inspector']

test('a node answers its first request without what it does not need', { timeout: 60_000 }, async () => {
  const args = ['--import', REPORTER, MAIN, 'dev', '--memory', '--port', '0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const listening = Promise.withResolvers<string>()
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    const url = /Listening on (http:\S+)/.exec(output)?.[1]
    if (url !== undefined) listening.resolve(url)
  })
  child.once('exit', () => listening.reject(new Error(`the node ended: ${output}`)))
  const body = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
  const response = await fetch(await listening.promise, { method: 'POST', body })
  assert.equal(response.status, 200)
  child.kill('SIGTERM')
  await closed
  const loaded = /^loaded (.*)$/m.exec(output)?.[1] ?? ''
  assert.match(loaded, /NativeModule http\b/)
  for (const name of COSTLY)
    assert.ok(!loaded.split(',').includes(`NativeModule ${name}`), `${name} was loaded`)
})
