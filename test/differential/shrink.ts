/**
 * Makes a failing blueprint small: tries simpler ones, keeps the first that still fails, and begins again, until none
 * is left or enough was tried. Big cuts come first.
 */
import { EMPTY_BYTES } from '../../src/primitives/bytes.ts'
import type { Blueprint, BlueprintAccount, BlueprintTransaction } from './blueprint.ts'
import type { Program, Statement } from './program.ts'

/** Blueprints tried at most; each costs some milliseconds. */
const ATTEMPTS_MAX = 4_000

/** @param fails whether a blueprint shows the difference in question. */
export async function shrink(
  blueprint: Blueprint,
  fails: (candidate: Blueprint) => Promise<boolean>,
): Promise<Blueprint> {
  let attempts = 0
  let smallest = blueprint
  search: for (;;) {
    for (const candidate of simplerBlueprints(smallest)) {
      attempts += 1
      if (attempts > ATTEMPTS_MAX) return smallest
      if (!(await fails(candidate))) continue
      smallest = candidate
      continue search
    }
    return smallest
  }
}

function* simplerBlueprints(blueprint: Blueprint): Generator<Blueprint> {
  const { block, accounts, transactions } = blueprint
  for (const fewer of withoutParts(transactions))
    yield { ...blueprint, transactions: renumbered(transactions, fewer) }
  for (const fewer of withoutParts(accounts)) yield { ...blueprint, accounts: fewer }
  for (const changed of withOneChanged(transactions, simplerTransactions))
    yield { ...blueprint, transactions: changed }
  for (const changed of withOneChanged(accounts, simplerAccounts)) yield { ...blueprint, accounts: changed }
  for (const simple of [
    { baseFeePerGas: 0n },
    { excessBlobGas: 0n },
    { chainId: 1n },
    { number: 1n },
    { beneficiary: '0x000000000000000000000000000000000000fee0' as const },
  ]) {
    // Literals of the right form are addresses.
    const simpler = { ...block, ...simple } as Blueprint['block']
    if (!isSame(simpler, block)) yield { ...blueprint, block: simpler }
  }
}

// Transactions and accounts -------------------------------------------------------------------------------------------

/** Nonces follow when transactions before them are left out. */
function renumbered(
  all: readonly BlueprintTransaction[],
  kept: readonly BlueprintTransaction[],
): BlueprintTransaction[] {
  return kept.map((transaction) => {
    const before = all.slice(0, all.indexOf(transaction))
    const missing = before.filter((other) => other.key === transaction.key && !kept.includes(other)).length
    const nonce = transaction.nonce - BigInt(missing)
    return nonce < 0n ? transaction : { ...transaction, nonce }
  })
}

function* simplerTransactions(transaction: BlueprintTransaction): Generator<BlueprintTransaction> {
  const { type, to, data, accessList, authorizations } = transaction
  yield* changes(transaction, [
    { data: EMPTY_BYTES },
    { value: 0n },
    { accessList: [] },
    { maxPriorityFeePerGas: 0n },
    { gasLimit: 1_000_000n },
    ...(type === 4 ? [] : [{ type: 2 as const }]),
  ])
  for (const fewer of withoutParts(accessList)) yield { ...transaction, accessList: fewer }
  for (const fewer of withoutParts(authorizations)) yield { ...transaction, authorizations: fewer }
  if (data instanceof Uint8Array) {
    if (data.length > 0) yield { ...transaction, data: data.subarray(0, data.length >> 1) }
    if (data.some((byte) => byte !== 0)) yield { ...transaction, data: new Uint8Array(data.length) }
  } else {
    for (const program of simplerPrograms(data)) yield { ...transaction, data: program }
  }
  if (to === null && data instanceof Uint8Array && data.length === 0) yield { ...transaction, type: 2 }
}

function* simplerAccounts(account: BlueprintAccount): Generator<BlueprintAccount> {
  const { code, storage } = account
  yield* changes(account, [{ code: EMPTY_BYTES }, { storage: [] }])
  for (const fewer of withoutParts(storage)) yield { ...account, storage: fewer }
  if (!(code instanceof Uint8Array)) {
    for (const program of simplerPrograms(code)) yield { ...account, code: program }
  }
  if (account.nonce > 1n) yield { ...account, nonce: 1n }
}

/** The value with each of the changes that does change it. */
function* changes<T extends object>(value: T, list: readonly Partial<T>[]): Generator<T> {
  for (const change of list) {
    const simpler = { ...value, ...change }
    if (!isSame(simpler, value)) yield simpler
  }
}

function isSame<T extends object>(a: T, b: T): boolean {
  return (Object.keys(a) as (keyof T)[]).every(
    (key) => a[key] === b[key] || (isEmpty(a[key]) && isEmpty(b[key])),
  )
}

function isEmpty(value: unknown): boolean {
  return (Array.isArray(value) || value instanceof Uint8Array) && value.length === 0
}

// Programs ------------------------------------------------------------------------------------------------------------

function* simplerPrograms(program: Program): Generator<Program> {
  yield* withoutParts(program)
  for (const [index, statement] of program.entries()) {
    // Instead of the structure, what is in it: of a creation, its initcode run in place.
    const inner =
      'body' in statement ? statement.body : 'program' in statement ? statement.program : undefined
    if (inner !== undefined) yield program.toSpliced(index, 1, ...inner)
  }
  yield* withOneChanged(program, simplerStatements)
}

function* simplerStatements(statement: Statement): Generator<Statement> {
  switch (statement.kind) {
    case 'code':
      for (const text of simplerTexts(statement.text)) yield { ...statement, text }
      break
    case 'if':
    case 'loop':
      for (const body of simplerPrograms(statement.body)) yield { ...statement, body }
      if (statement.kind === 'if') {
        for (const condition of simplerTexts(statement.condition)) yield { ...statement, condition }
      } else if (statement.count > 1) {
        yield { ...statement, count: 1 }
      }
      break
    case 'create':
      for (const program of simplerPrograms(statement.program)) yield { ...statement, program }
      for (const after of simplerTexts(statement.after)) yield { ...statement, after }
      if (statement.salt !== undefined) yield { ...statement, salt: undefined }
      if (statement.value !== 'PUSH0') yield { ...statement, value: 'PUSH0' }
      break
    case 'deploy':
      for (const program of simplerPrograms(statement.program)) yield { ...statement, program }
      break
  }
}

/** Fewer instructions, then smaller numbers. That the stack no longer fits does not matter, as long as the case fails. */
function* simplerTexts(text: string): Generator<string> {
  const instructions: readonly string[] =
    text.trim() === '' ? [] : (text.match(/PUSH[1-9]\d?\s+\S+|\S+/g) ?? [])
  for (const fewer of withoutParts(instructions)) yield fewer.join(' ')
  for (const [index, instruction] of instructions.entries()) {
    const isNumber = /^PUSH[1-9]\d?\s+(?:0x|\d)/.test(instruction)
    for (const simple of isNumber ? ['PUSH0', 'PUSH1 0x1'] : []) {
      if (instruction !== simple) yield instructions.with(index, simple).join(' ')
    }
    // A value that is computed may do as a constant.
    if (!instruction.startsWith('PUSH') && !instruction.startsWith('@'))
      yield instructions.with(index, 'PUSH0').join(' ')
  }
}

// Lists ---------------------------------------------------------------------------------------------------------------

/** The list without each half, quarter, … and at last without each single element. */
function* withoutParts<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let size = list.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < list.length; start += size) yield list.toSpliced(start, size)
  }
}

function* withOneChanged<T>(
  list: readonly T[],
  simpler: (element: T) => Iterable<T>,
): Generator<readonly T[]> {
  for (const [index, element] of list.entries()) {
    for (const candidate of simpler(element)) yield list.with(index, candidate)
  }
}
