/** From evidence to the record that users read: through the pool, a block and the ledger of a whole node. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setImmediate as settled } from 'node:timers/promises'
import { REPORTING } from '../../src/consensus/accountability/evidence-reporter.ts'
import { domainOf, makeCommittee } from '../../src/consensus/committees/committee.ts'
import type { Epoch, View } from '../../src/consensus/simplex/types.ts'
import { ACCOUNTABILITY_ADDRESS, systemContracts } from '../../src/consensus/system-contracts/table.ts'
import { openEvidenceReporter } from '../../src/node/evidence-reporting.ts'
import { openOperator } from '../../src/node/keys/operator-key.ts'
import { present } from '../../src/primitives/assert.ts'
import { ZERO_HASH, type Address } from '../../src/primitives/bytes.ts'
import type { JsonRecord } from '../../src/rpc/format.ts'
import { doubleVote, idOf, member } from '../support/accountability-world.ts'
import { openSmallNode, type SmallNode } from '../support/small-node.ts'
import type { SmallAccount } from '../support/small-world.ts'

const SIGNERS = [member(1), member(2), member(3), member(4)] as const
const COMMITTEE = makeCommittee(ZERO_HASH, 'witness', 0 as Epoch, SIGNERS.map(idOf))
const OFFENDER = 1
/** In which it is the first one's turn. */
const VIEW = 4 as View

describe('evidence on a node', () => {
  const directory = mkdtempSync(join(tmpdir(), 'aevir-evidence-'))
  const operator = openOperator(directory)
  const lines: string[] = []
  const write = (message: string): void => void lines.push(message)
  const log = { debug: write, info: write, warn: write, error: write }
  const errors: unknown[] = []
  let node: SmallNode | undefined
  after(async () => {
    await node?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  it('is reported, recorded, and told to users', async () => {
    const contracts = [...systemContracts()].map(
      ([address, { nonce, code }]) => [address, { nonce, code }] as const,
    )
    const funds = [operator.address, { balance: 10n ** 18n }] as const
    node = await openSmallNode(new Map<Address, SmallAccount>([...contracts, funds]))
    const { clock, call } = node
    const { backend } = node.node
    const onError = (error: unknown): void => void errors.push(error)
    const reporter = openEvidenceReporter({ backend, clock, log, operator, self: idOf(SIGNERS[0]), onError })
    const { first, second } = doubleVote(SIGNERS[OFFENDER], VIEW, domainOf(backend.config.chainId, COMMITTEE))
    reporter.onEvidence(COMMITTEE, {
      first: { ...first, signer: OFFENDER },
      second: { ...second, signer: OFFENDER },
    })
    const block = new Promise<void>((resolve) => {
      backend.subscribe((event) => {
        if (event.kind === 'block') resolve()
      })
    })
    clock.advance(1)
    await block
    for (let i = 0; reporter.pendingCount > 0 && i < 10; i++) {
      clock.advance(REPORTING.checkMs)
      await settled()
    }
    assert.deepEqual(errors, [])
    assert.deepEqual(lines, ['a member contradicted itself', 'evidence submitted', 'evidence recorded'])

    const { count, offences } = (await call('aevir_getOffences')) as { count: string; offences: JsonRecord[] }
    assert.equal(count, '0x1')
    const offence = present(offences[0], 'offence')
    assert.equal(offence['member'], COMMITTEE.members[OFFENDER])
    assert.equal(offence['reporter'], operator.address)
    const logs = (await call('eth_getLogs', {
      address: ACCOUNTABILITY_ADDRESS,
      fromBlock: '0x0',
    })) as unknown[]
    assert.equal(logs.length, 1)
  })
})
