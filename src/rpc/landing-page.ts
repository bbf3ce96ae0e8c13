/** What a browser shows at the address of a node: that it runs, and how to use it. */
import type { Backend } from './backend.ts'

/** @param url of the RPC port, such as `http://127.0.0.1:8545`. */
export function landingPage({ clientVersion, config, ledger }: Backend, url: string): string {
  const rows: readonly (readonly [name: string, value: string])[] = [
    ['Client', clientVersion],
    ['Chain id', `${config.chainId}`],
    ['Head', `block ${ledger.head().number}`],
    ['Sealed', `block ${ledger.committed('sealed')}`],
    ['HTTP', url],
    ['WebSocket', url.replace(/^http/, 'ws')],
    ['Try', `cast block-number --rpc-url ${url}`],
  ]
  const body = rows
    .map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td><code>${escapeHtml(value)}</code></td></tr>`)
    .join('')
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Aevir VM</title>
<style>body{font:16px/1.5 system-ui;margin:3rem auto;max-width:44rem}th{text-align:left;padding-right:2rem}</style>
</head><body><h1>Aevir VM</h1><p>This node speaks JSON-RPC: send requests by POST to this address.</p>
<table>${body}</table></body></html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
