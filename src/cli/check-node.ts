/**
 * Says what to do on a Node that is too old. An entry point calls {@link requireNode} before it imports anything else
 * (dynamically), because newer syntax and newer built-ins fail while modules are linked, with a message nobody
 * understands. For that reason this file imports nothing and uses only syntax that every living Node knows.
 */

/** Oldest major version of Node that runs this program; `engines` in package.json says the same. */
export const NODE_MAJOR_MIN = 26

/** What to tell the user of a Node `version` (as in `process.versions.node`), or `null` when it is new enough. */
export function nodeVersionProblem(version: string): string | null {
  if (Number(version.split('.')[0]) >= NODE_MAJOR_MIN) return null
  return (
    `aevir needs Node ${NODE_MAJOR_MIN} or newer; this is Node ${version}.\n` +
    `In a checkout, start it through npm ("npm start"): npm ci installs Node ${NODE_MAJOR_MIN} for its scripts.\n` +
    `Elsewhere: npx --package=node@${NODE_MAJOR_MIN} --package=aevir-vm aevir dev`
  )
}

/** Ends the process with a message when this Node is too old. */
export function requireNode(): void {
  const problem = nodeVersionProblem(process.versions.node)
  if (problem === null) return
  process.stderr.write(`${problem}\n`)
  process.exit(1)
}
