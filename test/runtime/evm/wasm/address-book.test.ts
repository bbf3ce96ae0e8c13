/** Addresses found by what is in memory, whoever chose them. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { toAddress } from '../../../../src/primitives/bytes.ts'
import { AddressBook, writeAddress } from '../../../../runtime/evm/wasm/address-book.ts'
import { ACCOUNTS_MAX, ARENA } from '../../../../runtime/evm/wasm/layout.ts'

const memory = new Int32Array(8)

function addressOf(number: number): ReturnType<typeof toAddress> {
  return toAddress(`0x${number.toString(16).padStart(40, '0')}`)
}

/** As V8 hashes a small integer, the lower 13 bits: no secret goes into it. */
function bucketOf(number: number): number {
  let hash = ~number + (number << 15)
  hash ^= hash >>> 12
  hash += hash << 2
  hash ^= hash >>> 4
  hash = Math.imul(hash, 2057)
  return (hash ^ (hash >>> 16)) & 0x1fff
}

/** Milliseconds that it takes to see all of the addresses, and then the first one again and again. */
function timeOf(numbers: readonly number[]): number {
  const book = new AddressBook()
  const see = (number: number): void => {
    memory.fill(0)
    memory[0] = number
    book.addressAt(memory, 0)
  }
  const start = performance.now()
  numbers.forEach(see)
  for (let i = 0; i < 2000; i++) see(numbers[0] as number)
  return performance.now() - start
}

suite('an address in memory', () => {
  test('is told from others that agree with it in most digits', () => {
    const book = new AddressBook()
    for (const digits of [
      '00',
      '0100000000',
      '4000',
      '8000000000000000',
      'ff'.repeat(20),
      `80${'00'.repeat(19)}`,
    ]) {
      const address = toAddress(`0x${digits.padStart(40, '0')}`)
      for (let i = 0; i < 2; i++) {
        writeAddress(memory, 0, address)
        assert.equal(book.addressAt(memory, 0), address)
      }
    }
  })

  test('has another number once numbers were given anew', () => {
    const book = new AddressBook()
    const numbers = new Int32Array(ARENA >> 2)
    const numberOf = (address: number): number | undefined => {
      memory.fill(0)
      memory[0] = address
      return book.numberOfKnown(book.knownAt(memory, 0), numbers)
    }
    for (let i = 0; i < ACCOUNTS_MAX / 2; i++) assert.equal(numberOf(i), i)
    book.trim()
    assert.equal(numberOf(5), 0)
    assert.equal(book.addressOf(0), addressOf(5))
  })

  test('is found as fast among addresses that were chosen to be hard to find', () => {
    const [hard, easy]: [number[], number[]] = [[], []]
    for (let number = 1; hard.length < 8000; number++) {
      if (bucketOf(number) === 0) hard.push(number)
      if (easy.length < 8000) easy.push(number)
    }
    assert.equal(new Set(hard.map(addressOf)).size, hard.length)
    const [hardMs, easyMs] = [hard, easy].map((numbers) => Math.min(timeOf(numbers), timeOf(numbers)))
    assert.ok(
      (hardMs as number) < 20 * (easyMs as number) + 20,
      `${hardMs} ms, where others take ${easyMs} ms`,
    )
  })
})
