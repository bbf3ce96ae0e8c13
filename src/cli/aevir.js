#!/usr/bin/env node
// The command `aevir`: what was built from the sources where the package is installed, the sources themselves in a checkout.
import { existsSync } from 'node:fs'

const source = new URL('./main.ts', import.meta.url)
await import(existsSync(source) ? source.href : '../../dist/src/cli/main.js')
