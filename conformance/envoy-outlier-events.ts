/** What a case of outlier detection expects to happen: so many events of a kind, exactly, from where it is said. */
import type { OutlierEvent } from "#shared/resilience/outlier.ts"

export interface Expected {
  readonly op: "expectStateChange" | "expectEject" | "expectUneject"
  readonly host: string
  readonly times: number
  readonly type?: string
  readonly enforced?: boolean
}

export class Expectations {
  readonly #observesChanges: boolean
  /** By kind of event: how many were announced, and how many there were. */
  readonly #counts = new Map<string, { announced: number; happened: number }>()
  readonly #faults: string[] = []

  constructor(observesChanges: boolean) {
    this.#observesChanges = observesChanges
  }

  add({ op, host, times, type, enforced }: Expected): void {
    const key = op === "expectEject" ? ejectKey(host, type ?? "", enforced === true) : `${WORDS[op]} of ${host}`
    this.#count(key).announced += times
  }

  note(event: OutlierEvent): void {
    if (event.kind === "overflow") return
    if (event.kind === "returned") this.#happened(`return of ${event.host}`)
    else this.#happened(ejectKey(event.host, event.detection.toUpperCase(), event.enforced))
    const isChange = event.kind === "returned" || event.enforced
    if (isChange && this.#observesChanges) this.#happened(`change of ${event.host}`)
  }

  faults(): string[] {
    for (const [key, { announced, happened }] of this.#counts) {
      if (happened < announced) this.#faults.push(`${key}: ${happened} instead of ${announced}`)
    }
    return this.#faults
  }

  #happened(key: string): void {
    const count = this.#count(key)
    count.happened += 1
    if (count.happened > count.announced) this.#faults.push(`${key}: more than ${count.announced} announced`)
  }

  #count(key: string): { announced: number; happened: number } {
    let count = this.#counts.get(key)
    if (!count) {
      count = { announced: 0, happened: 0 }
      this.#counts.set(key, count)
    }
    return count
  }
}

const WORDS = { expectStateChange: "change", expectUneject: "return" } as const

function ejectKey(host: string, type: string, enforced: boolean): string {
  return `${enforced ? "ejection" : "detection"} of ${host} for ${type}`
}
