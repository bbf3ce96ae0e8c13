/**
 * Finds out which suite a file belongs to, by what it holds rather than by where it lies: the suites are published in
 * several layouts. Mostly the beginning of a file tells: official trees hold gigabytes.
 */
import { isLineFile, readFixtureHead, readFixtureSample, WHOLE, type FixtureFile } from './fixture-files.ts'
import { SUITE_NAMES, type Job, type SuiteName } from './suite.ts'

/** Mostly enough to see the keys that tell formats apart. */
const HEAD_SIZE = 32 * 1024
/** A file that its beginning does not tell is read to its end, up to this size, in bytes as stored. */
const SAMPLED_SIZE_MAX = 256 * 1024 * 1024
/** Files that one job takes together, so that thousands of small ones do not cost a message each. */
const JOB_SIZE = 4 * 1024 * 1024
const JOB_FILES_MAX = 64
/** Parts that a packed file with a case a line is run in. */
const LINE_FILE_SLICES = 16

/** Keys that stand near the beginning of a JSON fixture. The first line that fits decides. */
const FORMATS: readonly { readonly suite: SuiteName; readonly keys: readonly RegExp[] }[] = [
  { suite: 'blockchain', keys: [/"(?:genesisBlockHeader|genesisRLP|lastblockhash)"\s*:/] },
  { suite: 'state', keys: [/"currentCoinbase"\s*:/, /"(?:pre|post)"\s*:/] },
  { suite: 'transaction', keys: [/"txbytes"\s*:/, /"result"\s*:/] },
  { suite: 'wycheproof', keys: [/"algorithm"\s*:\s*"ECDSA"/, /"ecdsa_p1363_verify/] },
  { suite: 'precompiles', keys: [/"Input"\s*:/, /"Expected(?:Error)?"\s*:/] },
  { suite: 'instructions', keys: [/"X"\s*:/, /"Y"\s*:/, /"Expected"\s*:/] },
  { suite: 'trie', keys: [/"in"\s*:/, /"root"\s*:\s*"0x/] },
  { suite: 'rlp', keys: [/"in"\s*:/, /"out"\s*:\s*"/] },
]

export interface Discovery {
  readonly jobs: readonly Job[]
  /** Files that belong to no suite. */
  readonly ignored: readonly FixtureFile[]
}

/** Sorts files into suites and cuts them into jobs, the longest ones first. */
export function discover(files: readonly FixtureFile[], only: ReadonlySet<SuiteName>): Discovery {
  const found = new Map<SuiteName, FixtureFile[]>(SUITE_NAMES.map((name) => [name, []]))
  const ignored: FixtureFile[] = []
  for (const file of files) {
    const suite = suiteOf(file)
    if (suite === undefined) ignored.push(file)
    else found.get(suite)?.push(file)
  }
  const jobs = [...found]
    .filter(([suite]) => only.has(suite))
    .flatMap(([suite, members]) => (suite === 'rpc' ? rpcJobs(members) : jobsOf(suite, members)))
  return { jobs: jobs.toSorted((a, b) => weight(b) - weight(a)), ignored }
}

/** The suite a file belongs to; `undefined` when it is none of ours. */
export function suiteOf(file: FixtureFile): SuiteName | undefined {
  const name = nameOf(file.label)
  if (name.endsWith('.io') || name === 'chain.rlp' || name === 'genesis.json') return 'rpc'
  if (name.endsWith('.yaml')) return /commitment:/.test(readFixtureHead(file, HEAD_SIZE)) ? 'kzg' : undefined
  if (!isLineFile(file) && !/\.json(?:\.gz)?$/.test(name)) return undefined
  const known = formatOf(readFixtureHead(file, HEAD_SIZE))
  if (known !== undefined || file.size > SAMPLED_SIZE_MAX) return known
  return formatOf(readFixtureSample(file))
}

function formatOf(text: string): SuiteName | undefined {
  return FORMATS.find(({ keys }) => keys.every((key) => key.test(text)))?.suite
}

function jobsOf(suite: SuiteName, files: readonly FixtureFile[]): Job[] {
  const jobs: Job[] = []
  let batch: FixtureFile[] = []
  let batchSize = 0
  for (const file of files) {
    if (isLineFile(file)) {
      for (let index = 0; index < LINE_FILE_SLICES; index++) {
        jobs.push({ suite, files: [file], slice: { index, count: LINE_FILE_SLICES } })
      }
      continue
    }
    if (batch.length > 0 && (batchSize + file.size > JOB_SIZE || batch.length === JOB_FILES_MAX)) {
      jobs.push({ suite, files: batch, slice: WHOLE })
      batch = []
      batchSize = 0
    }
    batch.push(file)
    batchSize += file.size
  }
  if (batch.length > 0) jobs.push({ suite, files: batch, slice: WHOLE })
  return jobs
}

/**
 * One job for each chain: its blocks, its genesis and its exchanges, which are those below its folder; with a single
 * chain, all there are. Exchanges that belong to no chain make a job of their own, in which they are counted.
 */
function rpcJobs(files: readonly FixtureFile[]): Job[] {
  const named = (name: string): FixtureFile[] => files.filter(({ label }) => nameOf(label) === name)
  const genesisFiles = named('genesis.json')
  const chains = named('chain.rlp').map((chain) => {
    const folder = folderOf(chain.label)
    const genesis = nearest(genesisFiles, folder)
    return { folder, files: genesis === undefined ? [chain] : [chain, genesis] }
  })
  const orphans: FixtureFile[] = []
  for (const file of files.filter(({ label }) => label.endsWith('.io'))) {
    const above = chains.filter(({ folder }) => file.label.startsWith(folder))
    const closest = above.toSorted((a, b) => b.folder.length - a.folder.length)[0]
    const only = chains.length === 1 ? chains[0] : undefined
    const members = (closest ?? only)?.files ?? orphans
    members.push(file)
  }
  return [...chains.map((chain) => chain.files), orphans]
    .filter((members) => members.some(({ label }) => label.endsWith('.io')))
    .map((members) => ({ suite: 'rpc', files: members, slice: WHOLE }))
}

/** The file in a folder; else the only one there is. */
function nearest(files: readonly FixtureFile[], folder: string): FixtureFile | undefined {
  return files.find(({ label }) => folderOf(label) === folder) ?? (files.length === 1 ? files[0] : undefined)
}

function nameOf(label: string): string {
  return label.slice(label.lastIndexOf('/') + 1)
}

function folderOf(label: string): string {
  return label.slice(0, label.lastIndexOf('/') + 1)
}

/** A rough measure of how long a job takes. Jobs on the same file stay together, for it is unpacked only once. */
function weight({ files, slice }: Job): number {
  const packedFactor = files.some(({ label }) => label.endsWith('.ndjson.gz')) ? 12 : 1
  return (files.reduce((sum, { size }) => sum + size, 0) * packedFactor) / slice.count
}
