/** Recorded offences as users get them: all or one key's, in pages, with what is known of the committees. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { domainOf, makeCommittee } from '../../../src/consensus/committees/committee.ts'
import type { Epoch, View } from '../../../src/consensus/simplex/types.ts'
import { systemContracts } from '../../../src/consensus/system-contracts/table.ts'
import { ZERO_HASH } from '../../../src/primitives/bytes.ts'
import type { ConsensusView } from '../../../src/rpc/consensus-view.ts'
import { genesisDiff } from '../../../src/state/genesis-state.ts'
import {
  AccountabilityWorld,
  doubleVote,
  idOf,
  member,
  REPORTER,
  SCOPE,
} from '../../support/accountability-world.ts'
import { FakeBackend } from '../../support/fake-backend.ts'
import { rpcWorld, type RpcWorld } from '../../support/rpc-client.ts'

interface OffenceJson {
  readonly index: string
  readonly member: string
  readonly view: string
  readonly wasMember: boolean | null
}

interface OffencesJson {
  readonly count: string
  readonly offences: readonly OffenceJson[]
}

const SIGNERS = [member(1), member(2), member(3), member(4)] as const
const OUTSIDER = member(9)
const COMMITTEE = makeCommittee(ZERO_HASH, 'execution', 0x201 as Epoch, SIGNERS.map(idOf))
const DOMAIN = domainOf(SCOPE.chainId, COMMITTEE)
/** Offences in the order of their reports: who, and in which view. */
const OFFENCES = [
  [SIGNERS[0], 6],
  [SIGNERS[1], 6],
  [OUTSIDER, 6],
  [SIGNERS[0], 9],
] as const

describe('aevir_getOffences', () => {
  let rpc: RpcWorld
  // The assertions of each test are the proof of the form.
  const ask = async (...params: readonly unknown[]): Promise<OffencesJson> =>
    (await rpc.call('aevir_getOffences', ...params)) as OffencesJson

  before(async () => {
    const backend = new FakeBackend()
    const world = await AccountabilityWorld.create('tier0')
    for (const [signer, view] of OFFENCES) {
      await world.report(signer, doubleVote(signer, view as View, DOMAIN), DOMAIN)
    }
    backend.state.commit(genesisDiff(systemContracts()))
    backend.state.commit(world.changes())
    rpc = rpcWorld(backend)
  })

  const setCommittees = (isKnown: boolean): void => {
    const executors = [{ committee: COMMITTEE, members: [] }]
    const cycle = (number: number): unknown =>
      number === 2 && isKnown ? { executors, witnesses: [] } : undefined
    // The method asks consensus for cycles, and a cycle for committees.
    rpc.backend.consensus = { cycle } as ConsensusView
  }

  it('lists what the chain has recorded', async () => {
    setCommittees(true)
    const { count, offences } = await ask()
    assert.equal(count, '0x4')
    assert.deepEqual(offences[0], {
      index: '0x0',
      member: idOf(SIGNERS[0]),
      layer: 'execution',
      epoch: '0x201',
      committeeHash: COMMITTEE.hash,
      view: '0x6',
      kinds: ['notarize', 'notarize'],
      blockNumber: '0x64',
      reporter: REPORTER,
      wasMember: true,
    })
    const found = offences.map(({ member, view }) => [member, Number(view)])
    assert.deepEqual(
      found,
      OFFENCES.map(([signer, view]) => [idOf(signer), view]),
    )
  })

  it('tells members from others, where it can', async () => {
    const known = async (): Promise<unknown[]> => (await ask()).offences.map(({ wasMember }) => wasMember)
    setCommittees(true)
    assert.deepEqual(await known(), [true, true, false, true])
    setCommittees(false)
    assert.deepEqual(await known(), [null, null, null, null])
    rpc.backend.consensus = undefined
    assert.deepEqual(await known(), [null, null, null, null])
  })

  it('lists one key’s, and in pages', async () => {
    const indexes = async (query: unknown): Promise<unknown> => {
      const { count, offences } = await ask(query, 'latest')
      return [Number(count), ...offences.map(({ index }) => Number(index))]
    }
    assert.deepEqual(await indexes({ member: idOf(SIGNERS[0]) }), [2, 0, 3])
    assert.deepEqual(await indexes({ member: idOf(SIGNERS[0]), skip: 1 }), [2, 3])
    assert.deepEqual(await indexes({ member: idOf(SIGNERS[3]) }), [0])
    assert.deepEqual(await indexes({ skip: 1, limit: 2 }), [4, 1, 2])
    assert.deepEqual(await indexes({ skip: 7 }), [4])
  })

  it('says what is wrong with a query, and with a chain', async () => {
    const { message } = await rpc.fail('aevir_getOffences', { member: '0x1234' })
    assert.match(message, /query\.member: expected a public key of 48 bytes/)
    assert.match((await rpc.fail('aevir_getOffences', { limit: 101 })).message, /101 is too large/)
    const without = await rpcWorld().fail('aevir_getOffences')
    assert.match(without.message, /no accountability contract/)
  })
})
