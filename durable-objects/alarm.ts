/** An object has one alarm. Several parts share it: it rings at the earliest time that any of them has asked for. */

export class Alarm {
  readonly #storage: DurableObjectStorage
  /** When it rings, as far as this instance knows; a part that asks for a later time has been heard. */
  #atMs: number | undefined

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
  }

  /** It rings at this time or before. Not awaited: the write goes with the others, and a failure fails them all. */
  wakeAt(atMs: number): void {
    if (this.#atMs !== undefined && this.#atMs <= atMs) return
    this.#atMs = atMs
    void this.#storage.setAlarm(atMs)
  }

  /** It rings: whoever wants it to ring again says so anew. */
  rang(): void {
    this.#atMs = undefined
  }
}
