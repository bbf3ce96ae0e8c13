/**
 * The key of the account that a node pays from when it has something to tell the chain, such as evidence against another
 * member: 32 bytes of secp256k1 in the clear, beside the node's other keys. It can spend what the account holds and
 * nothing else, so that an account with little on it is all a node should have. It cannot vote.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { signTransaction } from '../../chain/transaction-signature.ts'
import type { Operator } from '../../consensus/accountability/evidence-reporter.ts'
import { bytesToBigint } from '../../primitives/bytes.ts'
import { privateKeyToAddress, SECP256K1_ORDER } from '../../primitives/secp256k1.ts'
import { KeyFormatError } from './key-errors.ts'
import { readSecretFile, writeSecretFile } from './key-files.ts'

const OPERATOR_KEY_NAME = 'operator.key'
const OPERATOR_KEY_PATTERN = /^(?:0x)?[0-9a-fA-F]{64}\n?$/
const KEY_SIZE = 32

/**
 * The operator of the node whose keys are in this directory. Made where there is none: whoever sets up a network, or a
 * node of one, puts funds on {@link Operator.address}.
 * @throws KeyError
 */
export function openOperator(directory: string): Operator {
  const file = join(directory, OPERATOR_KEY_NAME)
  if (!existsSync(file)) writeSecretFile(file, `${generateOperatorKey().toHex()}\n`)
  const text = readSecretFile('operator key', file, 'start again')
  if (!OPERATOR_KEY_PATTERN.test(text)) throw wrongFormat(file)
  const key = Uint8Array.fromHex(text.trim().replace(/^0x/, ''))
  if (!isKey(key)) throw wrongFormat(file)
  return { address: privateKeyToAddress(key), signTransaction: (fields) => signTransaction(fields, key) }
}

function generateOperatorKey(): Uint8Array {
  for (;;) {
    const key = randomBytes(KEY_SIZE)
    // Fails about once in 2¹²⁸ times.
    if (isKey(key)) return new Uint8Array(key)
  }
}

function isKey(bytes: Uint8Array): boolean {
  const scalar = bytesToBigint(bytes)
  return scalar > 0n && scalar < SECP256K1_ORDER
}

function wrongFormat(file: string): KeyFormatError {
  return new KeyFormatError(file, 'operator key (64 hex digits, a secret key of secp256k1)')
}
