/**
 * The digits 1, 0 and −1 of a number in non-adjacent form, most significant first: fewest are not zero where
 * subtracting costs what adding does.
 * @param value at least 1.
 */
export function signedDigits(value: bigint): readonly number[] {
  const digits: number[] = []
  for (let rest = value; rest > 0n; rest >>= 1n) {
    const digit = (rest & 1n) === 0n ? 0 : 2 - Number(rest & 3n)
    digits.push(digit)
    rest -= BigInt(digit)
  }
  return digits.toReversed()
}
