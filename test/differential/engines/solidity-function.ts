/**
 * Random functions in the manner of Solidity: parameters and locals on the stack, found by DUP and written by SWAP;
 * internal functions that take a return address below their parameters; checked arithmetic; mappings by keccak; bounded
 * loops; requirements that revert with a reason; events. Text of the assembler.
 */
import { WORD_MAX } from '../../../src/primitives/bytes.ts'
import { pushOf } from '../../support/assembler.ts'
import type { Prng } from '../../support/prng.ts'
import { randomWord } from '../values.ts'

/** What the functions of one contract share. */
export interface ContractScope {
  readonly prng: Prng
  /** Internal functions that may be called, so that no recursion arises: those behind the caller. */
  readonly functions: readonly FunctionShape[]
  /** Pushes the address of another contract. */
  readonly callee: string
  /** Numbers labels. */
  readonly nextLabel: () => string
}

export interface FunctionShape {
  readonly label: string
  readonly parameters: number
}

/** Words that a function may have on the stack above its return address, so that DUP and SWAP reach them. */
const HEIGHT_MAX = 11
const LOOP_DEPTH_MAX = 2
/** Bytes of memory where mappings are hashed, as Solidity has it. */
const FREE_POINTER = '0x40'

const MASKS = [1n, 0xffn, 0xffff_ffffn, (1n << 64n) - 1n, (1n << 128n) - 1n, (1n << 160n) - 1n, WORD_MAX]

/** The code of a function; it is entered with [return address, parameters…] and leaves [result]. */
export function functionCode(contract: ContractScope, { label, parameters }: FunctionShape): string {
  const writer = new FunctionWriter(contract, parameters)
  return `${label} ${writer.write()}`
}

class FunctionWriter {
  readonly #contract: ContractScope
  readonly #prng: Prng
  readonly #out: string[] = []
  /** Words above the return address: parameters, locals, temporary ones. */
  #height: number
  /** Parameters and locals, the lowest ones. */
  #variables: number
  #loops = 0

  constructor(contract: ContractScope, parameters: number) {
    this.#contract = contract
    this.#prng = contract.prng
    this.#height = parameters
    this.#variables = parameters
  }

  write(): string {
    const prng = this.#prng
    for (let i = prng.between(0, 3); i > 0; i--) {
      this.#expression(1)
      this.#variables += 1
    }
    this.#statements(prng.between(1, 5))
    this.#expression(2)
    // [return address, …, result] becomes [result], and control goes back.
    this.#emit(`SWAP${this.#height}`)
    for (let i = this.#height - 1; i > 0; i--) this.#emit('SWAP1 POP')
    this.#emit('JUMP')
    return this.#out.join(' ')
  }

  #emit(text: string): void {
    this.#out.push(text)
  }

  #statements(count: number): void {
    for (let i = 0; i < count; i++) this.#statement()
  }

  #statement(): void {
    const canLoop = this.#loops < LOOP_DEPTH_MAX && this.#height < HEIGHT_MAX - 2
    this.#prng.weighted<() => void>([
      [8, () => this.#assign()],
      [3, () => this.#storeMapping()],
      [2, () => this.#storePacked()],
      [2, () => this.#pushToArray()],
      [canLoop ? 4 : 0, () => this.#loop()],
      [3, () => this.#branch()],
      [1, () => this.#require()],
      [1, () => this.#event()],
      [1, () => this.#copyBytes()],
      [this.#loops === 0 ? 1 : 0, () => this.#externalCall()],
    ])()
  }

  // Statements.

  #assign(): void {
    if (this.#variables === 0) return
    const variable = this.#prng.below(this.#variables)
    this.#expression(3)
    this.#store(variable)
  }

  /** Pops the top word into a variable. */
  #store(variable: number): void {
    this.#emit(`SWAP${this.#height - 1 - variable} POP`)
    this.#height -= 1
  }

  #storeMapping(): void {
    this.#expression(2)
    this.#mappingSlot()
    this.#emit('SSTORE')
    this.#height -= 2
  }

  /** A field of some bits in a slot that others share. */
  #storePacked(): void {
    const size = this.#prng.pick([8, 32, 128, 160])
    const shift = 8 * this.#prng.below((256 - size) / 8 + 1)
    const mask = (1n << BigInt(size)) - 1n
    const slot = pushOf(this.#prng.below(3))
    this.#expression(1)
    this.#emit(
      `${pushOf(mask)} AND ${pushOf(shift)} SHL ${slot} SLOAD ${pushOf(mask << BigInt(shift))} NOT AND OR ${slot} SSTORE`,
    )
    this.#height -= 1
  }

  /** A dynamic array in storage: its length in slot 7, its words from keccak(7) on. */
  #pushToArray(): void {
    this.#expression(1)
    this.#emit(
      'PUSH1 7 SLOAD DUP1 PUSH1 1 ADD PUSH1 7 SSTORE PUSH1 7 AND PUSH1 7 PUSH0 MSTORE PUSH1 32 PUSH0 KECCAK256 ADD SSTORE',
    )
    this.#height -= 1
  }

  #loop(): void {
    const [start, end] = [this.#contract.nextLabel(), this.#contract.nextLabel()]
    const bound = this.#loops === 0 ? this.#prng.pick([1, 2, 3, 3, 8, 8, 20]) : this.#prng.between(1, 6)
    const isChecked = this.#prng.chance(0.4)
    this.#emit('PUSH0')
    this.#height += 1
    const counter = this.#variables
    const outside = this.#variables
    this.#variables += 1
    this.#loops += 1
    this.#emit(`${start} ${pushOf(bound)} DUP2 LT ISZERO PUSH2 ${end} JUMPI`)
    this.#emitBody(this.#prng.between(1, 3))
    if (isChecked) {
      this.#internalCall('@checkedAdd', () => {
        this.#variable(counter)
        this.#constant('PUSH1 1')
      })
      this.#store(counter)
    } else {
      this.#emit('PUSH1 1 ADD')
    }
    this.#emit(`PUSH2 ${start} JUMP ${end} POP`)
    this.#height -= 1
    this.#variables = outside
    this.#loops -= 1
  }

  /** Statements that may not write the innermost counter: loops end. */
  #emitBody(count: number): void {
    const outside = this.#variables
    for (let i = 0; i < count; i++) {
      // Assignments go to variables below the counter.
      this.#variables = outside - 1
      const chosen = this.#prng.chance(0.6) && this.#variables > 0
      if (chosen) {
        const variable = this.#prng.below(this.#variables)
        this.#variables = outside
        this.#expression(3)
        if (this.#isCounter(variable)) this.#drop()
        else this.#store(variable)
      } else {
        this.#variables = outside
        this.#quietStatement()
      }
    }
    this.#variables = outside
  }

  readonly #counters = new Set<number>()

  #isCounter(variable: number): boolean {
    return this.#counters.has(variable)
  }

  #drop(): void {
    this.#emit('POP')
    this.#height -= 1
  }

  #quietStatement(): void {
    const counter = this.#variables - 1
    this.#counters.add(counter)
    this.#prng.weighted<() => void>([
      [3, () => this.#storeMapping()],
      [1, () => this.#storePacked()],
      [this.#loops < LOOP_DEPTH_MAX && this.#height < HEIGHT_MAX - 2 ? 2 : 0, () => this.#loop()],
      [1, () => this.#copyBytes()],
      [1, () => this.#mixBits()],
    ])()
    this.#counters.delete(counter)
  }

  #branch(): void {
    const [otherwise, end] = [this.#contract.nextLabel(), this.#contract.nextLabel()]
    this.#condition()
    this.#emit(`ISZERO PUSH2 ${otherwise} JUMPI`)
    this.#height -= 1
    this.#assignSafely()
    this.#emit(`PUSH2 ${end} JUMP ${otherwise}`)
    if (this.#prng.chance(0.6)) this.#assignSafely()
    this.#emit(end)
  }

  #assignSafely(): void {
    if (this.#variables === 0) return
    const variable = this.#prng.below(this.#variables)
    this.#expression(2)
    if (this.#isCounter(variable) || this.#loops > 0) this.#drop()
    else this.#store(variable)
  }

  #require(): void {
    const fine = this.#contract.nextLabel()
    this.#condition()
    // Rarely wrong: programs get somewhere.
    this.#emit(`${pushOf(this.#prng.chance(0.9) ? 1 : 0)} OR PUSH2 ${fine} JUMPI`)
    this.#height -= 1
    this.#emit(
      `PUSH1 ${FREE_POINTER} MLOAD PUSH4 0x08c379a0 PUSH1 224 SHL DUP2 MSTORE PUSH1 32 DUP2 PUSH1 4 ADD MSTORE ` +
        `PUSH1 5 DUP2 PUSH1 36 ADD MSTORE PUSH5 0x68656c6c6f PUSH1 216 SHL DUP2 PUSH1 68 ADD MSTORE PUSH1 100 SWAP1 REVERT ${fine}`,
    )
  }

  #event(): void {
    this.#expression(1)
    this.#expression(0)
    this.#emit(
      `PUSH1 ${FREE_POINTER} MLOAD DUP3 DUP2 MSTORE PUSH32 0x${'d'.repeat(64)} SWAP1 PUSH1 32 SWAP1 LOG2 POP`,
    )
    this.#height -= 2
  }

  /** Bytes from call data or code into new memory, word by word or at once, hashed into a variable. */
  #copyBytes(): void {
    const size = this.#prng.between(1, 100)
    const allocate = `PUSH1 ${FREE_POINTER} MLOAD DUP1 ${pushOf((size + 63) & ~31)} ADD PUSH2 0x3fff AND PUSH1 128 OR PUSH1 ${FREE_POINTER} MSTORE`
    const copy = this.#prng.pick([
      `${pushOf(size)} PUSH1 4 DUP3 CALLDATACOPY`,
      `${pushOf(size)} PUSH1 4 DUP3 CODECOPY`,
      `${pushOf(size)} ${pushOf(this.#prng.below(64))} DUP3 MCOPY`,
      `CALLDATASIZE PUSH0 DUP3 CALLDATACOPY`,
    ])
    this.#emit(`${allocate} ${copy} ${pushOf(size)} SWAP1 KECCAK256`)
    this.#height += 1
    if (this.#variables > 0 && this.#loops === 0) this.#store(this.#prng.below(this.#variables))
    else this.#drop()
  }

  /** Rotations and additions of 32 bits, as hash functions have them. */
  #mixBits(): void {
    this.#expression(1)
    const rotation = this.#prng.between(1, 31)
    this.#emit(
      `PUSH4 0xffffffff AND DUP1 ${pushOf(rotation)} SHL DUP2 ${pushOf(32 - rotation)} SHR OR PUSH4 0xffffffff AND XOR ` +
        `PUSH4 0x5a827999 ADD PUSH4 0xffffffff AND PUSH1 32 SWAP1 MUL PUSH1 5 SHR PUSH0 MSTORE`,
    )
    this.#height -= 1
  }

  #externalCall(): void {
    const { callee } = this.#contract
    const bubble = this.#contract.nextLabel()
    this.#expression(1)
    const selector = pushOf(this.#prng.below(4) + 1)
    const kind = this.#prng.pick(['CALL', 'STATICCALL', 'DELEGATECALL'])
    const value = kind === 'CALL' ? 'PUSH0' : ''
    const ending = this.#prng.chance(0.3)
      ? `RETURNDATASIZE PUSH0 PUSH0 RETURNDATACOPY RETURNDATASIZE PUSH0 REVERT`
      : ''
    this.#emit(
      `PUSH1 ${FREE_POINTER} MLOAD ${selector} PUSH1 224 SHL DUP2 MSTORE DUP2 DUP2 PUSH1 4 ADD MSTORE ` +
        // [argument, pointer] → [argument, pointer, success]
        `PUSH1 32 DUP2 PUSH1 68 DUP2 ${value} ${callee} PUSH3 60000 ${kind} PUSH2 ${bubble} JUMPI ${ending} ${bubble} ` +
        `MLOAD ADD`,
    )
    if (this.#variables > 0) this.#store(this.#prng.below(this.#variables))
    else this.#drop()
  }

  // Expressions: each pushes one word.

  #expression(depth: number): void {
    if (depth === 0 || this.#height >= HEIGHT_MAX) {
      this.#leaf()
      return
    }
    this.#prng.weighted<() => void>([
      [3, () => this.#leaf()],
      [4, () => this.#checked(depth)],
      [4, () => this.#binary(depth)],
      [1, () => this.#modular(depth)],
      [2, () => this.#masked(depth)],
      [2, () => this.#loadMapping()],
      [1, () => this.#condition()],
      [2, () => this.#functionCall(depth)],
      [1, () => this.#memoryWord(depth)],
    ])()
  }

  #leaf(): void {
    if (this.#variables > 0 && this.#prng.chance(0.6)) {
      this.#variable(this.#prng.below(this.#variables))
      return
    }
    this.#constant(
      this.#prng.weighted<() => string>([
        [6, () => pushOf(this.#prng.below(1000))],
        [2, () => pushOf(randomWord(this.#prng))],
        [1, () => this.#prng.pick(['CALLER', 'TIMESTAMP', 'CALLVALUE', 'CALLDATASIZE', 'ADDRESS', 'NUMBER'])],
        [1, () => `${pushOf(4 + 32 * this.#prng.below(3))} CALLDATALOAD`],
        [1, () => `${pushOf(this.#prng.below(3))} SLOAD`],
      ])(),
    )
  }

  #constant(text: string): void {
    this.#emit(text)
    this.#height += 1
  }

  #variable(index: number): void {
    this.#emit(`DUP${this.#height - index}`)
    this.#height += 1
  }

  #operands(depth: number, count: number): void {
    for (let i = 0; i < count; i++) this.#expression(depth - 1)
  }

  #apply(text: string, inputs: number): void {
    this.#emit(text)
    this.#height += 1 - inputs
  }

  #binary(depth: number): void {
    const name = this.#prng.pick(
      'ADD MUL SUB DIV SDIV MOD SMOD AND OR XOR SHL SHR SAR BYTE SIGNEXTEND EXP'.split(' '),
    )
    this.#expression(depth - 1)
    if (/SH[LR]|SAR|BYTE|SIGNEXTEND/.test(name)) this.#constant(pushOf(this.#prng.below(260)))
    else this.#expression(depth - 1)
    if (name === 'EXP') this.#emit('PUSH1 0x1f AND SWAP1 PUSH1 7 AND')
    this.#apply(name, 2)
  }

  #modular(depth: number): void {
    this.#operands(depth, 3)
    this.#apply(this.#prng.pick(['ADDMOD', 'MULMOD']), 3)
  }

  #masked(depth: number): void {
    this.#expression(depth - 1)
    this.#emit(`${pushOf(this.#prng.pick(MASKS))} AND`)
  }

  #condition(): void {
    this.#operands(1, 2)
    this.#apply(this.#prng.pick(['LT', 'GT', 'SLT', 'SGT', 'EQ']), 2)
    if (this.#prng.chance(0.4)) this.#emit('ISZERO')
  }

  #checked(depth: number): void {
    const name = this.#prng.pick(['@checkedAdd', '@checkedSub', '@checkedMul', '@checkedDiv'])
    this.#internalCall(name, () => {
      for (let i = 0; i < 2; i++) {
        this.#expression(depth - 1)
        // Mostly small, so that it goes well; the second operand of SUB and DIV mostly fits.
        if (this.#prng.chance(0.96)) {
          const isSecond = i === 1
          if (name === '@checkedSub')
            this.#emit(isSecond ? 'PUSH1 255 AND' : 'PUSH2 0xffff AND PUSH2 0x100 OR')
          else if (name === '@checkedDiv' && isSecond) this.#emit('PUSH1 1 OR')
          else this.#emit('PUSH8 0xffffffffffffffff AND')
        }
      }
    })
  }

  #functionCall(depth: number): void {
    const { functions } = this.#contract
    if (functions.length === 0) {
      this.#leaf()
      return
    }
    const { label, parameters } = this.#prng.pick(functions)
    this.#internalCall(label, () => this.#operands(depth, parameters))
  }

  /** The return address lies below the arguments and is gone afterwards. */
  #internalCall(label: string, pushArguments: () => void): void {
    const back = this.#contract.nextLabel()
    this.#emit(`PUSH2 ${back}`)
    const height = this.#height
    this.#height += 1
    pushArguments()
    this.#emit(`PUSH2 ${label} JUMP ${back}`)
    this.#height = height + 1
  }

  #loadMapping(): void {
    this.#mappingSlot()
    this.#emit('SLOAD')
  }

  /** The slot of a key out of few, in one of a few mappings, some of them nested. */
  #mappingSlot(): void {
    this.#leaf()
    const mapping = this.#prng.below(3) + 8
    this.#emit(`PUSH1 3 AND PUSH0 MSTORE ${pushOf(mapping)} PUSH1 32 MSTORE PUSH1 64 PUSH0 KECCAK256`)
    if (this.#prng.chance(0.3)) this.#emit('PUSH1 32 MSTORE CALLER PUSH0 MSTORE PUSH1 64 PUSH0 KECCAK256')
  }

  /** Written to memory and read again, perhaps elsewhere. */
  #memoryWord(depth: number): void {
    this.#expression(depth - 1)
    const offset = 0x80 + 32 * this.#prng.below(8)
    const other = offset + this.#prng.pick([0, 0, 1, 16, 31, 32])
    this.#apply(`${pushOf(offset)} MSTORE ${pushOf(other)} MLOAD`, 1)
  }
}

/** The functions that checked arithmetic calls, and the panic they end in. */
export const CHECKED_ARITHMETIC: readonly string[] = [
  '@checkedAdd DUP2 ADD DUP1 SWAP2 GT PUSH2 @panic JUMPI SWAP1 JUMP',
  '@checkedSub DUP1 DUP3 LT PUSH2 @panic JUMPI SWAP1 SUB SWAP1 JUMP',
  '@checkedMul DUP2 DUP2 MUL DUP3 DUP2 DIV DUP3 EQ DUP4 ISZERO OR ISZERO PUSH2 @panic JUMPI SWAP2 POP POP SWAP1 JUMP',
  '@checkedDiv DUP1 ISZERO PUSH2 @panic JUMPI SWAP1 DIV SWAP1 JUMP',
  '@panic PUSH4 0x4e487b71 PUSH1 224 SHL PUSH0 MSTORE PUSH1 17 PUSH1 4 MSTORE PUSH1 36 PUSH0 REVERT',
]
