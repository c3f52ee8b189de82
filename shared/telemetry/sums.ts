/** Series added up by a few of their labels. */
import { LIMITS } from "#shared/model/limits.ts"
import { addSample, keyOf, type Labels, newSample, type Sample, type Series } from "./series.ts"
import { decodeInto } from "./wire.ts"

type Sum = Series & Sample & { readonly buckets: Float64Array }

/** By whom requests were for, the rule, class and refusal: what a candidate and the stable revision are compared by. */
export class Sums {
  readonly #sums = new Map<string, Sum>()

  get series(): Series[] {
    return [...this.#sums.values()]
  }

  add(series: Series): void {
    const sum = this.#placeOf(series.labels)
    if (sum) addSample(sum, series)
  }

  /** What cannot be read is left out. */
  addEncoded(series: Uint8Array): void {
    decodeInto(series, Number.MAX_SAFE_INTEGER, (labels) => this.#placeOf(labels))
  }

  #placeOf({ to, rule, class: kind, refusal }: Labels): Sum | undefined {
    const labels: Labels = { from: "", to, subset: "", rule, method: "", class: kind, refusal }
    const key = keyOf(labels)
    const known = this.#sums.get(key)
    if (known || this.#sums.size >= LIMITS.shardSeriesMax) return known
    const sum = { labels, ...newSample() }
    this.#sums.set(key, sum)
    return sum
  }
}
