/** Recorded exchanges on their way to the shard of telemetry, which keeps them for `weft trace`: they go with the reports of counts. */
import { LIMITS } from "#shared/model/limits.ts"
import type { RecordedExchange } from "#shared/telemetry/recorded.ts"

export class Kept {
  #texts: string[] = []
  #chars = 0
  readonly #dropped: (count: number) => void

  constructor(dropped: (count: number) => void) {
    this.#dropped = dropped
  }

  add(exchange: RecordedExchange): void {
    const text = JSON.stringify(exchange)
    const hasPlace =
      text.length <= LIMITS.keptCharsMax &&
      this.#texts.length < LIMITS.keptMax &&
      this.#chars + text.length <= LIMITS.keptReportCharsMax
    if (hasPlace) {
      this.#texts.push(text)
      this.#chars += text.length
    } else this.#dropped(1)
  }

  take(): readonly string[] {
    const texts = this.#texts
    this.#texts = []
    this.#chars = 0
    return texts
  }
}
