/** Options of the command line: their environment variables, and how their values are read. */
import { InvalidArgumentError, Option } from 'commander'

/** An option that `AEVIR_…` sets too: `--block-time` is `AEVIR_BLOCK_TIME`. The command line wins. */
export function setting(flags: string, description: string): Option {
  const option = new Option(flags, description)
  return option.env(`AEVIR_${option.name().replaceAll('-', '_').toUpperCase()}`)
}

/** Reads whole numbers of a range, inclusive. */
export function wholeNumber(min: bigint, max: bigint): (text: string) => bigint {
  return (text) => {
    const value = /^[0-9]{1,80}$/.test(text) ? BigInt(text) : undefined
    if (value === undefined || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
    }
    return value
  }
}

/** {@link wholeNumber} for counts. */
export function count(min: number, max: number): (text: string) => number {
  const read = wholeNumber(BigInt(min), BigInt(max))
  return (text) => Number(read(text))
}

const SECONDS_MAX = 86_400

/** A time of at least a millisecond and at most a day. */
export function seconds(text: string): number {
  const value = /^[0-9]*\.?[0-9]+$/.test(text) ? Number(text) : 0
  if (value >= 0.001 && value <= SECONDS_MAX) return value
  throw new InvalidArgumentError(`Expected seconds, from 0.001 to ${SECONDS_MAX}.`)
}
