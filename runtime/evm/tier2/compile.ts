/**
 * Compiles the code of a contract: one module with a function for each region, found from the start of the code on,
 * from where callees return to, and from the targets of computed jumps. Regions end in each other by tail calls, so the
 * machine's stack does not grow. What exceeds the budget is not compiled: control leaves for another tier there.
 */
import { assert } from '../../../src/primitives/assert.ts'
import { I32, I64, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import { ModuleWriter } from '../../wasm/module-writer.ts'
import type { EvmFork } from '../opcodes.ts'
import { FRAME, haltStatus, MEMORY_PAGES_MAX, MEMORY_PAGES_MIN, STATUS } from '../wasm/layout.ts'
import { ARENA_IS_FULL } from '../wasm/memory-functions.ts'
import { RUNTIME_FUNCTIONS, type RuntimeFunction } from '../wasm/runtime-module.ts'
import { analyzeBlocks, type CodeBlocks } from './block-analysis.ts'
import { emitRegion } from './emit-region.ts'
import type { Region } from './ir.ts'
import { lowerRegion } from './lower.ts'
import type { RegionLimits } from './region-graph.ts'
import { RegionWriter, type RegionCallees } from './region-writer.ts'

export interface CompileOptions {
  readonly limits: RegionLimits
  /** Bytes of function bodies; a region that begins below is finished. */
  readonly bytesMax: number
  /** Asked between regions: once it is true, no other one is compiled. */
  readonly isOutOfTime?: () => boolean
  /** Sees each region before it is emitted: for tests and explanations. */
  readonly onRegion?: (region: Region) => void
}

/** What measurements found best: more nodes double the code for little. */
export const REGION_LIMITS: RegionLimits = { nodesMax: 12, operationsMax: 400 }

/** A region as it came out. */
export interface CompiledRegion {
  readonly offset: number
  readonly nodeCount: number
  readonly byteCount: number
}

export interface CompiledCode {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly regions: readonly CompiledRegion[]
  /** Offsets at which a frame may enter from outside. */
  readonly entries: readonly number[]
  /** Whether regions were left out for the budget. */
  readonly isPartial: boolean
}

/**
 * The exported function: `() → status` goes on with the frame whose record is in place, or answers `STATUS.switch` at
 * once where it cannot be entered.
 */
export const ENTER = 'enter'

export function compile(code: Uint8Array, fork: EvmFork, options: CompileOptions): CompiledCode {
  return new Compiler(analyzeBlocks(code, fork), options).run()
}

const REGION = { parameters: [I32, I64], results: [I32] } as const

class Compiler {
  readonly #blocks: CodeBlocks
  readonly #options: CompileOptions
  readonly #module = new ModuleWriter()
  readonly #runtime: Readonly<Record<RuntimeFunction, number>>
  readonly #host: number
  /** Functions of regions by offset. */
  readonly #functions = new Map<number, number>()
  readonly #leaveAt: number
  readonly #outOfGas: number
  readonly #pending: number[] = []
  readonly #regions: CompiledRegion[] = []
  readonly #entries = new Set<number>()
  #byteCount = 0
  #isPartial = false
  #jumpTo: number | undefined

  constructor(blocks: CodeBlocks, options: CompileOptions) {
    this.#blocks = blocks
    this.#options = options
    const module = this.#module
    module.importMemory('host', 'memory', { initial: MEMORY_PAGES_MIN, maximum: MEMORY_PAGES_MAX })
    this.#host = module.importFunction('host', 'operation', module.type([I32, I32, I32], [I32]))
    const runtime: Partial<Record<RuntimeFunction, number>> = {}
    for (const [name, { parameters, results }] of Object.entries(RUNTIME_FUNCTIONS)) {
      runtime[name as RuntimeFunction] = module.importFunction(
        'runtime',
        name,
        module.type(parameters, results),
      )
    }
    // Each name of the table was just given an index.
    this.#runtime = runtime as Record<RuntimeFunction, number>
    this.#leaveAt = module.function(module.type([I32, I64, I32], [I32]), 'leaveAt')
    emitLeaveAt(module.body(this.#leaveAt))
    this.#outOfGas = module.function(module.type([I64], [I32]), 'outOfGas')
    emitOutOfGas(module.body(this.#outOfGas))
  }

  run(): CompiledCode {
    this.#addEntry(0)
    this.#emitPending()
    if (this.#jumpTo !== undefined) {
      for (const target of this.#blocks.namedTargets) this.#regionAt(target)
      this.#emitPending()
      this.#emitJumpTo(this.#jumpTo)
    }
    const entries = this.#allEntries()
    this.#emitEnter(entries)
    return {
      bytes: this.#module.finish(),
      regions: this.#regions,
      entries,
      isPartial: this.#isPartial,
    }
  }

  /** Also what jumps lead to, such as heads of loops: a frame that has been in one for long changes tiers there. */
  #allEntries(): readonly number[] {
    const { jumpdests } = this.#blocks
    for (const { offset } of this.#regions) if (jumpdests[offset] === 1) this.#entries.add(offset)
    return [...this.#entries].sort((a, b) => a - b)
  }

  #addEntry(offset: number): void {
    if (this.#regionAt(offset) !== undefined) this.#entries.add(offset)
  }

  #regionAt(offset: number): number | undefined {
    const known = this.#functions.get(offset)
    if (known !== undefined) return known
    if (this.#isSpent()) return undefined
    const index = this.#module.function(this.#module.type(REGION.parameters, REGION.results))
    this.#functions.set(offset, index)
    this.#pending.push(offset)
    return index
  }

  #emitPending(): void {
    for (let offset = this.#pending.shift(); offset !== undefined; offset = this.#pending.shift()) {
      this.#emit(offset)
    }
  }

  /** Whether the budget is. The first region is always compiled. */
  #isSpent(): boolean {
    const { bytesMax, isOutOfTime } = this.#options
    if (this.#regions.length === 0) return false
    this.#isPartial ||= this.#byteCount >= bytesMax || isOutOfTime?.() === true
    return this.#isPartial
  }

  #emit(offset: number): void {
    // Regions are many that others wait for before one of them is compiled: hostile code has a jump in every third byte.
    if (this.#isSpent()) {
      const index = this.#regionAt(offset)
      assert(index !== undefined, 'a pending region has a function')
      const [sp, gas] = [0, 1]
      this.#module.body(index).get(sp).get(gas).i32Const(offset).returnCall(this.#leaveAt)
      return
    }
    const region = lowerRegion(this.#blocks, offset, this.#options.limits, (at) => this.#functions.has(at))
    this.#options.onRegion?.(region)
    const index = this.#regionAt(offset)
    assert(index !== undefined, 'a pending region has a function')
    const body = this.#module.body(index)
    const callees: RegionCallees = {
      runtime: this.#runtime,
      host: this.#host,
      regionAt: (target) => this.#regionAt(target),
      jumpTo: () => {
        this.#jumpTo ??= this.#module.function(this.#module.type([I32, I64, I32], [I32]), 'jumpTo')
        return this.#jumpTo
      },
      leaveAt: this.#leaveAt,
      outOfGas: this.#outOfGas,
    }
    emitRegion(new RegionWriter(body, region, callees))
    this.#byteCount += body.size
    this.#regions.push({ offset, nodeCount: region.nodes.length, byteCount: body.size })
    for (const { exit } of region.nodes) {
      // Behind a call, the frame comes back.
      if (exit.kind === 'request') this.#addEntry(exit.offset + 1)
    }
  }

  /** A search among the regions at JUMPDESTs; another target is left for, or is none. */
  #emitJumpTo(index: number): void {
    const { jumpdests } = this.#blocks
    const targets = [...this.#functions.keys()]
      .filter((offset) => jumpdests[offset] === 1)
      .sort((a, b) => a - b)
    const body = this.#module.body(index)
    const [sp, gas, target] = [0, 1, 2]
    this.#search(body, target, targets, () => body.get(sp).get(gas))
    emitOtherTarget(body, this.#runtime.isJumpTarget, this.#leaveAt)
  }

  #emitEnter(entries: readonly number[]): void {
    const index = this.#module.function(this.#module.type([], [I32]), ENTER)
    this.#module.exportFunction(ENTER, index)
    const body = this.#module.body(index)
    const pc = body.local(I32)
    body.i32Const(0).i32Load(FRAME.pc).set(pc)
    this.#search(body, pc, entries, () => body.i32Const(0).i32Load(FRAME.sp).i32Const(0).i64Load(FRAME.gas))
    body.i32Const(STATUS.switch)
  }

  /** Goes to the region at the offset in a local; falls through when it is not among `targets`, which ascend. */
  #search(body: FunctionBody, target: Local, targets: readonly number[], pushArguments: () => void): void {
    const half = targets.length >> 1
    const middle = targets[half]
    if (middle === undefined) return
    if (targets.length === 1) {
      body
        .get(target)
        .i32Const(middle)
        .i32Eq()
        .if(() => {
          const region = this.#functions.get(middle)
          assert(region !== undefined, 'a target has a region')
          pushArguments()
          body.returnCall(region)
        })
      return
    }
    body
      .get(target)
      .i32Const(middle)
      .i32LtU()
      .if(
        () => this.#search(body, target, targets.slice(0, half), pushArguments),
        () => this.#search(body, target, targets.slice(half), pushArguments),
      )
  }
}

/** Another tier goes on at an offset; the stack is in memory. */
function emitLeaveAt(body: FunctionBody): void {
  const [sp, gas, offset] = [0, 1, 2]
  body.i32Const(0).get(offset).i32Store(FRAME.pc)
  body.i32Const(0).get(sp).i32Store(FRAME.sp)
  body.i32Const(0).get(gas).i64Store(FRAME.gas)
  body.i32Const(STATUS.switch)
}

/**
 * Frames here cannot pay for more memory than the arena has. When the machine has none for it all the same, the node must
 * stop: it cannot tell what the outcome is.
 */
function emitOutOfGas(body: FunctionBody): void {
  const gas = 0
  body
    .get(gas)
    .i64Const(...ARENA_IS_FULL)
    .i64Eq()
    .if(() => body.unreachable())
  body.i32Const(haltStatus('outOfGas'))
}

/** Not a region: a JUMPDEST that is left to another tier, or no JUMPDEST. */
function emitOtherTarget(body: FunctionBody, isJumpTarget: number, leaveAt: number): void {
  const [sp, gas, target]: readonly Local[] = [0, 1, 2]
  assert(sp !== undefined && gas !== undefined && target !== undefined, 'parameters')
  const invalid = body.openBlock()
  body.get(target).i32Const(0).i32Load(FRAME.codeSize).i32GeU().brIf(invalid)
  body.get(target).call(isJumpTarget).i32Eqz().brIf(invalid)
  body.get(sp).get(gas).get(target).returnCall(leaveAt)
  body.close(invalid)
  body.i32Const(haltStatus('invalidJump'))
}
