/** What somebody may have meant who wrote a name that does not exist. */

/** Edits beyond which two names have nothing to do with each other. */
const DISTANCE_MAX = 6
/** Longer names are not compared: comparing takes the product of the lengths. */
const LENGTH_MAX = 64

/** The one of `names` that is most like `name`, if any is. */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  if (name.length > LENGTH_MAX) return undefined
  let nearest: string | undefined
  let nearestDistance = Math.min(DISTANCE_MAX, Math.ceil(name.length / 2)) + 1
  for (const known of names) {
    const distance = editDistance(name.toLowerCase(), known.toLowerCase())
    if (distance < nearestDistance) [nearest, nearestDistance] = [known, distance]
  }
  return nearest
}

/** Insertions, deletions and replacements of characters that turn one text into the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, (previous[j] as number) + 1, (row[j - 1] as number) + 1))
    }
    previous = row
  }
  return previous[b.length] as number
}
