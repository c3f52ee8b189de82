/** The proxy isolates that asked for routes lately: a bounded map, oldest out first. In memory only. */
import { LIMITS } from "#shared/model/limits.ts"
import type { IsolateStatus, Pull } from "#shared/protocol/route-table.ts"

const REASON_CHARS_MAX = 1_024
const ID_CHARS_MAX = 64

export class Isolates {
  /** In the order of the last pull, so that the first key is the one heard of longest ago. */
  readonly #seen = new Map<string, IsolateStatus>()

  /** The list of bindings reported last: isolates of one deployment all have the same, and share one copy. */
  #bindings: readonly string[] = []

  note(pull: Pull, nowMs: number): void {
    const isolate = pull.isolate.slice(0, ID_CHARS_MAX)
    const known = this.#seen.get(isolate)
    // One that only makes health checks serves nobody, and is not waited for.
    if (pull.idle && !known) return
    const before = known?.bindings
    this.#seen.delete(isolate)
    this.#seen.set(isolate, {
      isolate,
      serving: pull.serving,
      seenAtMs: pull.idle ? known!.seenAtMs : nowMs,
      ...(pull.refused && {
        refused: { revision: pull.refused.revision, reason: pull.refused.reason.slice(0, REASON_CHARS_MAX) },
      }),
      ...(pull.bindings && { bindings: this.#shared(pull.bindings, before) }),
      ...(pull.outliers && { outliers: pull.outliers.slice(0, LIMITS.outliersMax) }),
    })
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= LIMITS.isolatesMax) break
      this.#seen.delete(oldest)
    }
  }

  /** Those heard of lately, the longest silent first; the others are forgotten. */
  list(nowMs: number): IsolateStatus[] {
    for (const [isolate, status] of this.#seen) {
      if (nowMs - status.seenAtMs > LIMITS.isolateSilenceMsMax) this.#seen.delete(isolate)
    }
    return [...this.#seen.values()]
  }

  #shared(bindings: readonly string[], before: readonly string[] | undefined): readonly string[] {
    const limited = bindings.slice(0, LIMITS.isolateBindingsMax)
    if (before && isSame(before, limited)) return before
    if (!isSame(this.#bindings, limited)) this.#bindings = limited
    return this.#bindings
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((binding, index) => binding === b[index])
}
