/**
 * `aevir engine explain CODE`: what the compiler makes of a contract: its blocks, its regions, what each region became,
 * and with `--ir` the intermediate form. For people who wonder why their contract is as fast as it is.
 */
import { AevirError } from '../primitives/errors.ts'
import { hexToBytes } from '../primitives/bytes.ts'
import { EVM_FORKS, type EvmFork } from '../../runtime/evm/opcodes.ts'
import { analyzeBlocks, type Block, type CodeBlocks } from '../../runtime/evm/tier2/block-analysis.ts'
import { compile, REGION_LIMITS, type CompiledCode } from '../../runtime/evm/tier2/compile.ts'
import type { Region } from '../../runtime/evm/tier2/ir.ts'
import { printRegion } from '../../runtime/evm/tier2/print-ir.ts'

/** More than any contract has, initcode included. */
const CODE_SIZE_MAX = 1024 * 1024
const BYTES_MAX = 64 * 1024 * 1024

export interface ExplainOptions {
  readonly fork: string
  readonly ir?: boolean
}

class InvalidCodeError extends AevirError {
  override readonly code = 'INVALID_CODE'
}

/** @param text bytecode in hex. @throws InvalidCodeError */
export function runEngineExplain(text: string, options: ExplainOptions): void {
  const fork = EVM_FORKS.find((name) => name === options.fork)
  if (fork === undefined) {
    throw new InvalidCodeError(
      `unknown instruction set "${options.fork}"; known ones: ${EVM_FORKS.join(', ')}`,
    )
  }
  process.stdout.write(explain(codeOf(text), fork, options.ir === true))
}

function codeOf(text: string): Uint8Array {
  const hex = text.startsWith('0x') ? text : `0x${text}`
  if (!/^0x(?:[0-9a-fA-F]{2})*$/.test(hex)) throw new InvalidCodeError('the code is not hex of whole bytes')
  if (hex.length > 2 + 2 * CODE_SIZE_MAX)
    throw new InvalidCodeError(`the code has more than ${CODE_SIZE_MAX} bytes`)
  return hexToBytes(hex)
}

function explain(code: Uint8Array, fork: EvmFork, showsIr: boolean): string {
  const regions: Region[] = []
  const compiled = compile(code, fork, {
    limits: REGION_LIMITS,
    bytesMax: BYTES_MAX,
    onRegion: (region) => regions.push(region),
  })
  const blocks = analyzeBlocks(code, fork)
  const lines = [
    ...summary(blocks, compiled),
    '',
    'blocks',
    ...blockLines(blocks, regions),
    '',
    'regions',
    ...regionLines(compiled, regions),
  ]
  if (showsIr) for (const region of regions) lines.push('', printRegion(region).trimEnd())
  return `${lines.join('\n')}\n`
}

function summary(
  { code, jumpdests, namedTargets }: CodeBlocks,
  { regions, entries }: CompiledCode,
): string[] {
  const jumpdestCount = jumpdests.reduce((sum, mark) => sum + mark, 0)
  const byteCount = regions.reduce((sum, region) => sum + region.byteCount, 0)
  return [
    `code      ${code.length} bytes, ${jumpdestCount} JUMPDESTs, ${namedTargets.length} of them named by a PUSH`,
    `compiled  ${regions.length} regions, ${byteCount} bytes of WebAssembly`,
    `entered   at ${entries.map(at).join(' ')}`,
  ]
}

/** Each block that some region has, once. */
function blockLines(blocks: CodeBlocks, regions: readonly Region[]): string[] {
  const offsets = new Set(regions.flatMap(({ nodes }) => nodes.map(({ offset }) => offset)))
  return [...offsets].sort((a, b) => a - b).map((offset) => blockLine(blocks.blockAt(offset)))
}

function blockLine({ start, end, operationCount, gas, needed, delta, ending }: Block): string {
  const size = `${operationCount} operations`.padEnd(15)
  const height = `needs ${needed}, ${delta < 0 ? '' : '+'}${delta}`.padEnd(15)
  return `  ${at(start)} to ${at(end)}  ${size}  ${`${gas} gas`.padEnd(10)}  ${height}  ${ending}`
}

function regionLines({ regions }: CompiledCode, lowered: readonly Region[]): string[] {
  return regions.map(({ offset, byteCount }, index) => {
    const nodes = lowered[index]?.nodes ?? []
    const members = nodes.map((node) => `${at(node.offset)}${node.isLoopHead ? ' (loop)' : ''}`)
    return `  ${at(offset)}  ${`${byteCount} bytes`.padEnd(12)}  ${members.join(', ')}`
  })
}

function at(offset: number): string {
  return `@${offset.toString(16).padStart(4, '0')}`
}
