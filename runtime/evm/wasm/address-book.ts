/**
 * Addresses as Wasm has them, words, and as the rest of the node has them, hex: the same few come by in every frame, and
 * to make one from the other costs more than to find it.
 */
import { present } from '../../../src/primitives/assert.ts'
import { wordToAddress, type Address } from '../../../src/primitives/bytes.ts'

/** An address in both forms. */
export interface KnownAddress {
  readonly address: Address
  /** 32 bits each, lowest first. */
  readonly limbs: readonly [number, number, number, number, number]
  /** A number of its own, not reused while the book lasts. */
  readonly account: number
}

const KNOWN_MAX = 8192

export class AddressBook {
  private readonly byAddress = new Map<Address, KnownAddress>()
  /** By the lowest limb: of two that agree in it, the later one. */
  private readonly byLimb = new Map<number, KnownAddress>()
  private readonly byAccount: Address[] = []

  /** Forgets all once they are many. Their numbers must not be in use any more. */
  trim(): void {
    if (this.byAddress.size < KNOWN_MAX) return
    this.byAddress.clear()
    this.byLimb.clear()
    this.byAccount.length = 0
  }

  // Hot: twice a frame.
  ofAddress(address: Address): KnownAddress {
    const known = this.byAddress.get(address)
    return known ?? this.add(address)
  }

  /** Of the low 160 bits of the word at an index of 32-bit units. */
  ofWord(memory: Int32Array, index: number): KnownAddress {
    const known = this.byLimb.get(memory[index] as number)
    if (known !== undefined && agrees(known, memory, index)) return known
    let word = 0n
    for (let i = 4; i >= 0; i--) word = (word << 32n) | BigInt((memory[index + i] as number) >>> 0)
    const found = this.ofAddress(wordToAddress(word))
    this.byLimb.set(found.limbs[0], found)
    return found
  }

  /** By {@link KnownAddress.account}. */
  ofAccount(account: number): Address {
    return present(this.byAccount[account], 'account')
  }

  private add(address: Address): KnownAddress {
    const limb = (i: number): number => Number.parseInt(address.slice(34 - 8 * i, 42 - 8 * i), 16) | 0
    const limbs = [limb(0), limb(1), limb(2), limb(3), limb(4)] as const
    const known = { address, limbs, account: this.byAccount.length }
    this.byAccount.push(address)
    this.byAddress.set(address, known)
    this.byLimb.set(limbs[0], known)
    return known
  }
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
