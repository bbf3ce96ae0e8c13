/**
 * BLS signatures over BLS12-381 as consensus uses them: public keys in G1 (48 bytes), signatures in G2 (96 bytes),
 * ciphersuite `BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_` of draft-irtf-cfrg-bls-signature. Everything from outside is
 * checked to lie in its subgroup and not to be the identity.
 *
 * Two implementations answer alike (the tests compare them): native bindings where they load, else portable code that
 * takes about forty times as long.
 */
import type { SignatureScheme } from './signature-scheme.ts'

/** The implementation this process runs on. */
export const bls: SignatureScheme = await loadBls()

async function loadBls(): Promise<SignatureScheme> {
  try {
    return (await import('./bls-native.ts')).nativeBls
  } catch {
    // No addon for this machine. Why does not matter: the portable half computes the same.
    return (await import('./bls-portable.ts')).portableBls
  }
}
