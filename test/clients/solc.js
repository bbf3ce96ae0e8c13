#!/usr/bin/env node
// The compiler that npm installed, as an executable for forge: it asks for `--version` and `--standard-json` only.
import { readFileSync } from 'node:fs'
import solc from 'solc'

// forge also says which folders may be read; the input holds all sources.
const options = new Set(process.argv)
if (options.has('--version')) {
  // forge wants a name of a platform at the end, not the "Emscripten.clang" that is there.
  const version = solc.version().replace('Emscripten.clang', 'Linux.g++')
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${version}`)
} else if (options.has('--standard-json')) {
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')))
} else {
  console.error('usage: solc.js --version | --standard-json < input.json')
  process.exitCode = 2
}
