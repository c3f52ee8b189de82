/**
 * A fair choice of a few out of many that pass by: each has the same chance to be kept, and most are only counted (Li's Algorithm L:
 * how many to skip is drawn ahead, so that the dice are thrown a few times in a thousand).
 */
export class Reservoir<T> {
  readonly #size: number
  readonly #roll: () => number
  #kept: T[] = []
  #seen = 0
  /** The place of the next that is kept. */
  #next = 0
  #w = 1

  constructor(size: number, roll: () => number) {
    this.#size = size
    this.#roll = roll
  }

  /** Whether the one that passes is kept: then `keep` has to be called with it. */
  passes(): boolean {
    return this.#seen++ === this.#next
  }

  keep(one: T): void {
    if (this.#kept.length < this.#size) this.#kept.push(one)
    else this.#kept[Math.floor(this.#roll() * this.#size)] = one
    if (this.#kept.length < this.#size) this.#next = this.#seen
    else this.#skip()
  }

  /** What was kept, and for how many of those that passed each of them stands; it begins anew. */
  take(): { readonly kept: readonly T[]; readonly weight: number } {
    const kept = this.#kept
    const weight = kept.length === 0 ? 0 : this.#seen / kept.length
    this.#kept = []
    this.#seen = 0
    this.#next = 0
    this.#w = 1
    return { kept, weight }
  }

  #skip(): void {
    this.#w *= Math.exp(Math.log(this.#chance()) / this.#size)
    this.#next = this.#seen + Math.floor(Math.log(this.#chance()) / Math.log(1 - this.#w))
  }

  /** Above 0. */
  #chance(): number {
    return 1 - this.#roll()
  }
}
