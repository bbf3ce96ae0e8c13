/** Changes of epochs, one after the other: each begins with what the one before has left. */
export class Transitions {
  private readonly onError: (error: unknown) => void
  private tail: Promise<void> = Promise.resolve()
  private isEnding = false

  /** @param onError of a change that failed; those after it come nevertheless. */
  constructor(onError: (error: unknown) => void) {
    this.onError = onError
  }

  /** Whether the node is about to stop: no epoch is begun any more. */
  get areEnding(): boolean {
    return this.isEnding
  }

  add(change: () => Promise<void>): void {
    const before = this.tail
    this.tail = (async () => {
      await before
      try {
        await change()
      } catch (error) {
        this.onError(error)
      }
    })()
  }

  /** Resolves when all that were added so far are over. */
  async end(): Promise<void> {
    this.isEnding = true
    await this.tail
  }
}
