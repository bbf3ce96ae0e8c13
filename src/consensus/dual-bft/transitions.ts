/** Changes of epochs, one after the other: each begins with what the one before has left. */
export class Transitions {
  private readonly onError: (error: unknown) => void
  private tail: Promise<void> = Promise.resolve()

  /** @param onError of a change that failed; those after it come nevertheless. */
  constructor(onError: (error: unknown) => void) {
    this.onError = onError
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
  async settled(): Promise<void> {
    await this.tail
  }
}
