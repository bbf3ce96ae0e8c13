/** `npm run bench -- NAME [arguments]`: runs `benchmarks/NAME.bench.ts`; without a name it lists what there is. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('.', import.meta.url)
const SUFFIX = '.bench.ts'

const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length))
const [name, ...rest] = process.argv.slice(2)

if (name !== undefined && names.includes(name)) {
  const file = fileURLToPath(new URL(name + SUFFIX, FOLDER))
  process.exitCode = spawnSync(process.execPath, [file, ...rest], { stdio: 'inherit' }).status ?? 1
} else {
  if (name !== undefined) console.error(`there is no benchmark ${name}\n`)
  console.log('npm run bench -- NAME [arguments]')
  for (const known of names) console.log(`  ${known.padEnd(14)} ${purposeOf(known)}`)
  process.exitCode = name === undefined ? 0 : 2
}

/** The first sentence of the file's opening comment. */
function purposeOf(known: string): string {
  const text = readFileSync(new URL(known + SUFFIX, FOLDER), 'utf8')
  const comment = /\/\*\*(.*?)\*\//s.exec(text)?.[1] ?? ''
  const prose = comment.replaceAll(/\s*\n \*\s?/g, ' ').trim()
  return prose.split(/(?<=[.:])\s/)[0] ?? ''
}
