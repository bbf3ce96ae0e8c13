/** Breaking a development network over RPC: what is understood, what is refused, what the network is told to do. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { NodeId } from '../../../src/consensus/election/election.ts'
import {
  FAULT_KINDS,
  FaultRefusedError,
  type FaultControl,
  type NodeFault,
} from '../../../src/rpc/fault-control.ts'
import type { JsonRecord } from '../../../src/rpc/format.ts'
import { consensusWorld } from '../../support/consensus-world.ts'
import { askText, rpcWorld, type RpcWorld } from '../../support/rpc-client.ts'

const IDS = [1, 2, 3, 4].map((digit): NodeId => `0x${`0${digit}`.repeat(48)}`)
const [A, B, C, D] = IDS as [NodeId, NodeId, NodeId, NodeId]

/** Four nodes that remember what they were told. */
class FakeFaults implements FaultControl {
  readonly faults = new Map<NodeId, NodeFault>(IDS.map((id) => [id, { kind: 'none' }]))

  nodes(): ReturnType<FaultControl['nodes']> {
    return [...this.faults].map(([id, fault], index) => ({ name: `node-${index}`, id, fault }))
  }

  setFault(node: NodeId, fault: NodeFault): Promise<void> {
    if (node === A && fault.kind === 'crash') {
      return Promise.reject(new FaultRefusedError('node-0 answers this request: crash another one'))
    }
    this.faults.set(node, fault)
    return Promise.resolve()
  }
}

async function faultWorld(): Promise<
  RpcWorld & { readonly kinds: () => string[]; readonly control: FakeFaults }
> {
  const control = new FakeFaults()
  const rpc = rpcWorld((await consensusWorld(control)).backend)
  return { ...rpc, control, kinds: () => [...control.faults.values()].map(({ kind }) => kind) }
}

describe('aevir_setFault', () => {
  it('puts a fault into a node by name, id or place, and answers with all of them', async () => {
    const { call, kinds } = await faultWorld()
    await call('aevir_setFault', { node: 'node-1', fault: 'pause' })
    await call('aevir_setFault', { node: C.toUpperCase().replace('0X', '0x'), fault: 'crash' })
    const nodes = (await call('aevir_setFault', { node: 3, fault: 'equivocate' })) as JsonRecord[]
    assert.deepEqual(kinds(), ['none', 'pause', 'crash', 'equivocate'])
    assert.deepEqual(nodes[1], { name: 'node-1', node: B, fault: 'pause' })
    assert.deepEqual(await call('aevir_getFaults'), nodes)
  })

  it('heals one node, or all', async () => {
    const { call, kinds } = await faultWorld()
    for (const node of [1, 2, 3]) await call('aevir_setFault', { node, fault: 'pause' })
    await call('aevir_setFault', { node: 2, fault: 'none' })
    assert.deepEqual(kinds(), ['none', 'pause', 'none', 'pause'])
    await call('aevir_setFault', { fault: 'none' })
    assert.deepEqual(kinds(), ['none', 'none', 'none', 'none'])
  })

  it('delays one node, or all', async () => {
    const { call, control } = await faultWorld()
    const [, second] = (await call('aevir_setFault', {
      node: 1,
      fault: 'delay',
      delayMs: 250,
    })) as JsonRecord[]
    assert.deepEqual(second, { name: 'node-1', node: B, fault: 'delay', delayMs: 250 })
    await call('aevir_setFault', { fault: 'delay', delayMs: '0x64' })
    for (const fault of control.faults.values()) assert.deepEqual(fault, { kind: 'delay', delayMs: 100 })
  })

  it('cuts a network into groups; nodes that are not named are one more', async () => {
    const { call, control } = await faultWorld()
    await call('aevir_setFault', { fault: 'partition', groups: [['node-0', 1]] })
    const cutOff = [...control.faults].map(([id, fault]) => [
      id,
      fault.kind === 'partition' ? fault.from : [],
    ])
    assert.deepEqual(cutOff, [
      [A, [C, D]],
      [B, [C, D]],
      [C, [A, B]],
      [D, [A, B]],
    ])
  })

  it('cuts one node off from some, or from all', async () => {
    const { call, control } = await faultWorld()
    await call('aevir_setFault', { fault: 'partition', node: 0, from: [3] })
    assert.deepEqual(control.faults.get(A), { kind: 'partition', from: [D] })
    await call('aevir_setFault', { fault: 'partition', node: 'node-1' })
    assert.deepEqual(control.faults.get(B), { kind: 'partition', from: [A, C, D] })
  })

  for (const [fault, complaint] of [
    [{ fault: 'explode' }, /fault\.fault: expected one of none, pause, crash, equivocate, delay, partition/],
    [{ fault: 'pause' }, /fault\.node: say which node is to have the fault pause/],
    [{ fault: 'pause', node: 'node-9' }, /fault\.node: expected one of node-0, node-1, .* place from 0 to 3/],
    [{ fault: 'pause', node: 4 }, /fault\.node: expected one of node-0/],
    [{ fault: 'delay', node: 1 }, /fault\.delayMs: expected a whole number/],
    [{ fault: 'delay', delayMs: 60_001 }, /fault\.delayMs: 60001 is too large/],
    [{ fault: 'partition' }, /fault\.groups: expected an array/],
    [{ fault: 'partition', groups: [[0, 1, 2, 3]] }, /all nodes are in one group/],
    [{ fault: 'partition', groups: [] }, /all nodes are in one group/],
    [{ fault: 'partition', groups: [[0], [0, 1]] }, /node node-0 is named twice/],
    [{ fault: 'partition', node: 0, groups: [[1]] }, /either node or groups/],
    [{ fault: 'partition', node: 0, from: [0] }, /name another node to cut this one off from/],
    ['pause', /fault: expected an object/],
  ] as const) {
    it(`refuses ${JSON.stringify(fault)}`, async () => {
      const { fail, kinds } = await faultWorld()
      const { code, message } = await fail('aevir_setFault', fault)
      assert.equal(code, -32602)
      assert.match(message, complaint)
      assert.deepEqual(kinds(), ['none', 'none', 'none', 'none'])
    })
  }

  it('never breaks, whatever it is asked', async () => {
    const { control, dispatcher, internalErrors } = await faultWorld()
    const node = fc.oneof(fc.constantFrom('node-0', B, 0, 3, -1, 1.5, 'x'), fc.jsonValue())
    const fault = fc.record(
      {
        fault: fc.oneof(fc.constantFrom(...FAULT_KINDS), fc.jsonValue()),
        node,
        delayMs: fc.oneof(fc.nat(70_000), fc.jsonValue()),
        from: fc.oneof(fc.array(node), fc.jsonValue()),
        groups: fc.oneof(fc.array(fc.array(node)), fc.jsonValue()),
      },
      { requiredKeys: ['fault'] },
    )
    await fc.assert(
      fc.asyncProperty(fault, async (value) => {
        const request = { jsonrpc: '2.0', id: 1, method: 'aevir_setFault', params: [value] }
        const { error } = await askText(dispatcher, JSON.stringify(request))
        if (error !== undefined) assert.ok([-32602, -32000].includes(error.code), error.message)
        for (const [id, set] of control.faults) {
          if (set.kind === 'partition') assert.ok(set.from.length > 0 && !set.from.includes(id))
        }
      }),
      { numRuns: 300 },
    )
    assert.deepEqual(internalErrors, [])
  })

  it('passes on why the network refuses', async () => {
    const { fail, internalErrors } = await faultWorld()
    const { code, message } = await fail('aevir_setFault', { node: 0, fault: 'crash' })
    assert.deepEqual([code, message], [-32000, 'node-0 answers this request: crash another one'])
    assert.deepEqual(internalErrors, [])
  })

  it('is not to be had elsewhere', async () => {
    for (const method of ['aevir_setFault', 'aevir_getFaults']) {
      const params = method === 'aevir_setFault' ? [{ fault: 'none' }] : []
      const alone = await rpcWorld().fail(method, ...params)
      assert.equal(alone.code, -32004)
      assert.match(alone.message, /one node makes this chain alone.* aevir devnet/)
      const earnest = await rpcWorld((await consensusWorld()).backend).fail(method, ...params)
      assert.equal(earnest.code, -32004)
      assert.match(earnest.message, /only a development network can be broken on purpose/)
    }
  })
})
