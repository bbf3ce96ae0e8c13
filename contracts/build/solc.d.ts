/** The part of solc's JavaScript wrapper that `compile.ts` uses; the package brings no types of its own. */
declare module 'solc' {
  const solc: {
    /** Standard JSON in, standard JSON out. */
    compile(input: string): string
  }
  export = solc
}
