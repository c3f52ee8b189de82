/** How many go through in the present second. */
export class Quota {
  #second = Number.NaN
  #count = 0

  take(perSecond: number, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#count = 0
    }
    this.#count += 1
    return this.#count <= perSecond
  }
}
