/** Holds a guard open after one statement, until it is killed. Arguments: directory, node id. */
import type { Epoch, View } from '../../../src/consensus/simplex/types.ts'
import { VoteGuard } from '../../../src/node/keys/vote-guard.ts'
import { wordToHash, type Hex } from '../../../src/primitives/bytes.ts'

const [directory = '', node = '0x'] = process.argv.slice(2)
const guard = await VoteGuard.open(directory, node as Hex)
await guard.record([
  { layer: 'execution', epoch: 3 as Epoch, kind: 'notarize', view: 5 as View, hash: wordToHash(1n) },
])
process.stdout.write('recorded\n')
process.stdin.resume()
