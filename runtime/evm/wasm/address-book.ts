/**
 * Addresses as Wasm has them, words, and as the rest of the node has them, hex: the same few come by in every frame, and
 * to make one from the other costs more than to find it. Accounts whose code runs have a number, and their word lies at
 * {@link wordOfAccount}.
 */
import { present } from '../../../src/primitives/assert.ts'
import { wordToAddress, type Address } from '../../../src/primitives/bytes.ts'
import { ACCOUNT_WORDS, ACCOUNTS_MAX, WORD_SIZE } from './layout.ts'

/** An address in both forms. */
export interface KnownAddress {
  readonly address: Address
  /** Of the account, when it has one. */
  number: number | undefined
  /** 32 bits each, lowest first. */
  readonly limbs: readonly [number, number, number, number, number]
}

/** Addresses that were operands: a power of two. */
const KNOWN_MAX = 16_384

export class AddressBook {
  private readonly numbers = new Map<Address, number>()
  private readonly addresses: Address[] = []
  /**
   * By the lowest bits: of two that agree in them, the later one. No map: V8 hashes numbers without a secret, and who
   * chooses addresses could have it go through all of them each time.
   */
  private readonly known = Array.from<KnownAddress | undefined>({ length: KNOWN_MAX })

  /** Forgets the numbers when half of them are given. None may be in use. */
  trim(): void {
    if (this.addresses.length < ACCOUNTS_MAX / 2) return
    this.numbers.clear()
    this.addresses.length = 0
    this.known.fill(undefined)
  }

  /** The number of an account; `undefined` when all are given. Hot: twice a frame. */
  numberOf(address: Address, memory: Int32Array): number | undefined {
    const known = this.numbers.get(address)
    if (known !== undefined) return known
    const number = this.addresses.length
    if (number === ACCOUNTS_MAX) return undefined
    this.numbers.set(address, number)
    this.addresses.push(address)
    writeAddress(memory, wordOfAccount(number), address)
    return number
  }

  /** The account that has the number. */
  addressOf(number: number): Address {
    return present(this.addresses[number], 'account')
  }

  /** {@link numberOf} an operand. */
  numberOfKnown(known: KnownAddress, memory: Int32Array): number | undefined {
    known.number ??= this.numberOf(known.address, memory)
    return known.number
  }

  /** The low 160 bits of the word at `word`. */
  addressAt(memory: Int32Array, word: number): Address {
    return this.knownAt(memory, word).address
  }

  /** {@link addressAt}, with what is known of the address. Hot: once a call. */
  knownAt(memory: Int32Array, word: number): KnownAddress {
    const index = word >> 2
    const place = (memory[index] as number) & (KNOWN_MAX - 1)
    const known = this.known[place]
    if (known !== undefined && agrees(known, memory, index)) return known
    let value = 0n
    for (let i = 4; i >= 0; i--) value = (value << 32n) | BigInt((memory[index + i] as number) >>> 0)
    const address = wordToAddress(value)
    const limb = (i: number): number => limbOf(address, i)
    const made: KnownAddress = {
      address,
      number: undefined,
      limbs: [limb(0), limb(1), limb(2), limb(3), limb(4)],
    }
    this.known[place] = made
    return made
  }
}

/** Address of the word of the account with this number. */
export function wordOfAccount(number: number): number {
  return ACCOUNT_WORDS + WORD_SIZE * number
}

/** Writes an address as a word. Hot: once a transaction. */
export function writeAddress(memory: Int32Array, word: number, address: Address): void {
  const index = word >> 2
  for (let i = 0; i < 5; i++) memory[index + i] = limbOf(address, i)
  for (let i = 5; i < 8; i++) memory[index + i] = 0
}

/** 32 bits of an address, the lowest ones being number 0: by digits, 10 ns, where slicing and parsing takes 80. */
function limbOf(address: Address, number: number): number {
  const end = 42 - 8 * number
  let limb = 0
  for (let i = end - 8; i < end; i++) {
    const code = address.charCodeAt(i)
    limb = (limb << 4) | (code < 0x3a ? code - 0x30 : code - 0x57)
  }
  return limb
}

function agrees({ limbs }: KnownAddress, memory: Int32Array, index: number): boolean {
  return (
    limbs[0] === memory[index] &&
    limbs[1] === memory[index + 1] &&
    limbs[2] === memory[index + 2] &&
    limbs[3] === memory[index + 3] &&
    limbs[4] === memory[index + 4]
  )
}
