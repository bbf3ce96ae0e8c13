/**
 * Checks signatures at once, on this thread: for nodes that share a process, where nearly all that is asked is known
 * already, and for machines on which a thread of its own would only wait for the same cores.
 */
import type { SignatureScheme } from '../../consensus/signature-scheme.ts'
import { verifyRequest } from '../../consensus/simplex/verification.ts'
import type { SignatureVerifier } from './verifier.ts'

export function directVerifier(scheme: SignatureScheme): Pick<SignatureVerifier, 'open' | 'close'> {
  return {
    open: ({ domain, publicKeys }) => {
      const verifier = { scheme, domain, keyring: scheme.keyring(publicKeys) }
      let isOpen = true
      return {
        verify: (request, onResult) => {
          if (isOpen) onResult(verifyRequest(verifier, request))
        },
        close: () => {
          isOpen = false
        },
      }
    },
    close: async () => undefined,
  }
}
