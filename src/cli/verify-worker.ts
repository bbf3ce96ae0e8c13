/**
 * The process in which `aevir db verify` checks a database: LMDB ends its process when it meets a page that cannot be
 * one, and the command has to say so in its own words.
 */
import { AevirError } from '../primitives/errors.ts'
import type { VerifyProgress } from '../storage/findings.ts'
import { verifyLedger, type VerifyReport } from '../storage/verify.ts'
import { withExistingStore } from './existing-store.ts'
import { describeError } from './report-error.ts'

/** What the process is told at its start. */
export interface VerifyRequest {
  readonly directory: string
}

/** What it says: progress now and then, and in the end one of the other two. */
export type VerifyMessage =
  | { readonly kind: 'progress'; readonly progress: VerifyProgress }
  | { readonly kind: 'report'; readonly report: VerifyReport }
  | { readonly kind: 'failure'; readonly text: string; readonly isExpected: boolean }

const PROGRESS_INTERVAL_MS = 100
/** What errors of the database advise, and what is being done here. */
const SELF_ADVICE = 'run `aevir db verify` for details, then '

function tell(message: VerifyMessage): void {
  process.send?.(message)
}

process.once(
  'message',
  (request: VerifyRequest) => void verify(request).finally(() => process.disconnect?.()),
)

async function verify({ directory }: VerifyRequest): Promise<void> {
  let toldMs = performance.now()
  const onProgress = (progress: VerifyProgress): void => {
    if (performance.now() - toldMs < PROGRESS_INTERVAL_MS) return
    toldMs = performance.now()
    tell({ kind: 'progress', progress })
  }
  try {
    tell({
      kind: 'report',
      report: await withExistingStore(directory, (store) => verifyLedger(store, onProgress)),
    })
  } catch (error) {
    const text = describeError(error).replace(SELF_ADVICE, '')
    tell({ kind: 'failure', text, isExpected: error instanceof AevirError })
  }
}
