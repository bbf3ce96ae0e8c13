/** What command lines of suites have in common: options are checked before anything is started, and a refusal says the cure. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { AevirError } from '../src/primitives/errors.ts'

/** The command line makes no sense. */
export class UsageError extends AevirError {
  override readonly code = 'USAGE'
}

/** As `parseArgs`. @throws UsageError that names the options that there are */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    if (!(error instanceof TypeError && 'code' in error)) throw error
    const names = Object.keys(config.options ?? {}).map((name) => `--${name}`)
    const [said = ''] = error.message.split(/\.?(?: |\n)(?=[A-Z])/, 1)
    throw new UsageError(`${said}; options of this suite: ${names.join(', ') || 'none'}`, { cause: error })
  }
}

/** @throws UsageError unless the text is a whole number within bounds */
export function wholeNumber(
  option: string,
  text: string,
  bounds: { readonly min: number; readonly max?: number },
): number {
  const { min, max = Number.MAX_SAFE_INTEGER } = bounds
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  const range = bounds.max === undefined ? `from ${min}` : `from ${min} to ${max}`
  throw new UsageError(`${option} takes a whole number ${range}, not "${text}"`)
}

/** The one of `known` that is meant, in whatever case. @throws UsageError */
export function oneOf(option: string, text: string, known: readonly string[]): string {
  const found = known.find((name) => name.toLowerCase() === text.toLowerCase())
  if (found === undefined) throw new UsageError(`${option} takes ${known.join(', ')}; not "${text}"`)
  return found
}

/** Several of `known`, separated by commas. @throws UsageError */
export function someOf(option: string, text: string, known: readonly string[]): readonly string[] {
  return text.split(',').map((name) => oneOf(option, name.trim(), known))
}
