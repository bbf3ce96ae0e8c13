/** Programs as files: JSON with code, call data and addresses in hex, written by others and therefore checked. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Hex } from '../src/primitives/bytes.ts'
import { AevirError } from '../src/primitives/errors.ts'

/** A call of a contract, in hex as the files have it. */
export interface Program {
  readonly name: string
  readonly code: Hex
  readonly calldata: Hex
  readonly gas: number
  readonly address: Hex
  readonly caller: Hex
  /** Slots set beforehand. */
  readonly storage?: Readonly<Record<string, string>>
  /** What the call must return, where the file says it. */
  readonly expectedOutput?: Hex
}

/** There is nothing to run. */
export class ProgramsAbsentError extends AevirError {
  override readonly code = 'PROGRAMS_ABSENT'
}

/** A file is no program. */
export class MalformedProgramError extends AevirError {
  override readonly code = 'MALFORMED_PROGRAM'
}

const MEMBERS = '"name", "code", "calldata", "address", "caller" (hex) and "gas" (a number)'

/**
 * The programs of a folder, one in each file whose name ends in .json, in the order of the files.
 * @throws ProgramsAbsentError, MalformedProgramError
 */
export function readPrograms(folder: string): readonly Program[] {
  if (!existsSync(folder)) throw new ProgramsAbsentError(`there is no folder ${folder}`)
  if (!statSync(folder).isDirectory()) {
    throw new ProgramsAbsentError(
      `${folder} is a file: give the folder that it is in, and the program's name`,
    )
  }
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
  if (files.length === 0) {
    throw new ProgramsAbsentError(`${folder} holds no programs: one is a .json file with ${MEMBERS}`)
  }
  const byName = new Map<string, string>()
  return files.map((file) => {
    const path = join(folder, file)
    const program = parseProgram(readFileSync(path, 'utf8'), path)
    const other = byName.get(program.name)
    if (other !== undefined) {
      throw new MalformedProgramError(`${path}: the name "${program.name}" is that of ${other}, too`)
    }
    byName.set(program.name, path)
    return program
  })
}

/** @param path names the file in errors. @throws MalformedProgramError */
export function parseProgram(text: string, path: string): Program {
  const refuse = (reason: string): never => {
    throw new MalformedProgramError(`${path}: ${reason}; a program has ${MEMBERS}`)
  }
  const members = membersOf(text) ?? refuse('it is not a JSON object')
  const hexOf = (name: string, size?: number): Hex => {
    const value = members[name]
    if (value === undefined) return refuse(`"${name}" is missing`)
    if (!isHex(value)) return refuse(`"${name}" must be hex: 0x and two digits for each byte`)
    if (size !== undefined && value.length !== 2 + 2 * size)
      return refuse(`"${name}" must have ${size} bytes`)
    return value
  }
  const { name, gas, storage, expectedOutput } = members
  if (typeof name !== 'string' || name === '') return refuse('"name" must be a text')
  if (typeof gas !== 'number' || !Number.isSafeInteger(gas) || gas <= 0) {
    return refuse('"gas" must be a whole number above 0')
  }
  const code = hexOf('code')
  if (code === '0x') return refuse('"code" is empty')
  return {
    name,
    code,
    calldata: hexOf('calldata'),
    gas,
    address: hexOf('address', 20),
    caller: hexOf('caller', 20),
    ...(storage === undefined || storage === null ? {} : { storage: slotsOf(storage, refuse) }),
    // Collections leave it out or say null where they do not know.
    ...(expectedOutput === undefined || expectedOutput === null
      ? {}
      : { expectedOutput: hexOf('expectedOutput') }),
  }
}

function slotsOf(value: unknown, refuse: (reason: string) => never): Readonly<Record<string, string>> {
  if (!isRecord(value)) return refuse('"storage" must be an object of slots')
  const slots = Object.entries(value).map(([slot, word]): [string, string] => {
    if (!isWord(slot) || !isWord(word)) return refuse(`"storage" must map words to words, not "${slot}"`)
    return [slot, word]
  })
  return Object.fromEntries(slots)
}

function membersOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isHex(value: unknown): value is Hex {
  return typeof value === 'string' && /^0x(?:[\da-f]{2})*$/i.test(value)
}

/** At most 32 bytes; leading zeros may be left out. */
function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^0x[\da-f]{1,64}$/i.test(value)
}
