/** TrieTests of ethereum/tests: keys and values with the root they make. Files named "secure" hash their keys. */
import { hexToBytes } from '../../../src/primitives/bytes.ts'
import { keccak256 } from '../../../src/primitives/keccak.ts'
import type { TrieUpdate } from '../../../src/state/trie.ts'
import { TrieStore } from '../../support/trie-store.ts'
import { fixtureEntries } from '../fixture-files.ts'
import { expectEqual, type Suite } from '../suite.ts'

type Entry = readonly [key: string, value: string | null]

interface TrieVector {
  /** A list is applied in order; a record in any order. */
  readonly in: readonly Entry[] | Readonly<Record<string, string | null>>
  readonly root: string
}

export const trieSuite: Suite = {
  *cases({ files, slice }) {
    for (const file of files) {
      const isSecure = /secure/i.test(file.label)
      for (const [name, value] of fixtureEntries(file, slice)) {
        yield { id: `${file.label}/${name}`, run: () => runVector(value as TrieVector, isSecure) }
      }
    }
  },
}

function runVector({ in: input, root }: TrieVector, isSecure: boolean): void {
  const entries: readonly Entry[] = isList(input) ? input : Object.entries(input)
  const updates = entries.map(([key, value]): TrieUpdate => {
    const bytes = bytesOf(key)
    return { key: isSecure ? keccak256(bytes) : bytes, value: value === null ? null : bytesOf(value) }
  })
  const stepwise = new TrieStore()
  for (const update of updates) stepwise.update([update])
  expectEqual(stepwise.root, root, 'root after one commit an entry')
  stepwise.checkConsistency()

  const last = new Map(updates.map((update) => [update.key.toHex(), update]))
  const atOnce = new TrieStore()
  atOnce.update(last.values())
  expectEqual(atOnce.root, root, 'root after one commit of all entries')
  atOnce.checkConsistency()
}

function isList(input: TrieVector['in']): input is readonly Entry[] {
  return Array.isArray(input)
}

function bytesOf(text: string): Uint8Array {
  return text.startsWith('0x') ? hexToBytes(text) : new TextEncoder().encode(text)
}
