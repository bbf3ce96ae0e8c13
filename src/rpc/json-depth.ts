/**
 * How deep JSON text nests, before it is parsed. `JSON.parse` takes any depth, but code that walks the result (and
 * `JSON.stringify`) recurses: a request of a million brackets must not be able to exhaust the stack.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Whether the arrays and objects of a JSON text nest at most `depthMax` deep. What is no JSON is left to the parser. */
export function isJsonWithinDepth(text: string, depthMax: number): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i)
        if (i < 0) return true
        break
      case 0x5b: // [
      case 0x7b: // {
        depth++
        if (depth > depthMax) return false
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
        break
      default:
        break
    }
  }
  return true
}

/** Position of the quote that ends the string that begins at `start`; −1 when none does. */
function endOfString(text: string, start: number): number {
  let end = start
  do {
    end = text.indexOf('"', end + 1)
  } while (end > 0 && isEscaped(text, end))
  return end
}

/** Whether an odd number of backslashes stands before the position. */
function isEscaped(text: string, position: number): boolean {
  let first = position
  while (text.charCodeAt(first - 1) === BACKSLASH) first--
  return (position - first) % 2 === 1
}
