/**
 * Shows exchanges to whoever taps the mesh. An isolate hears of taps with the answer to its reports of counts, and asks nobody; where none is
 * open an exchange costs one look. What matches goes to the shard in the background, twice a second, and its answer says whether to go on.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { OpenTaps, TapBatch } from "#shared/model/tap.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import { TapBuffer } from "#shared/telemetry/tap.ts"
import type { Background } from "./mesh.ts"
import type { Asked } from "./recorder.ts"
import type { Surroundings } from "./snapshots.ts"

export interface TapShard {
  tapped(batch: TapBatch): Promise<OpenTaps | undefined>
}

export interface TapperSurroundings extends Pick<Surroundings, "nowMs" | "sleep"> {
  readonly shard: () => TapShard
  colo(): string | undefined
}

export class Tapper {
  readonly #around: TapperSurroundings
  readonly #buffer = new TapBuffer()
  #open: OpenTaps | undefined
  /** Past it, what was to send was ended with its request. */
  #sendingUntilMs = 0

  constructor(around: TapperSurroundings) {
    this.#around = around
  }

  /** Looked at for every exchange. */
  get isOpen(): boolean {
    return this.#open !== undefined
  }

  hear(open: OpenTaps | undefined): void {
    this.#open = open && open.taps.length > 0 ? open : undefined
    this.#buffer.keep(this.#open?.taps ?? [])
  }

  offer(record: AccessRecord, asked: Asked, background: Background): void {
    const nowMs = this.#around.nowMs()
    if (this.#open && nowMs >= this.#open.untilMs) this.hear(undefined)
    const open = this.#open
    if (!open) return
    this.#buffer.offer(open.taps, record, asked.headers, this.#around.colo(), nowMs)
    if (this.#buffer.isEmpty || nowMs < this.#sendingUntilMs) return
    this.#sendingUntilMs = nowMs + LIMITS.tapPaceMs + LIMITS.tapCallMs
    background.waitUntil(this.#send())
  }

  /** Never rejects. What a shard does not take is lost: nobody waits for it any more. */
  async #send(): Promise<void> {
    await this.#around.sleep(LIMITS.tapPaceMs)
    this.#sendingUntilMs = 0
    try {
      const call = this.#around.shard().tapped(this.#buffer.take())
      const late = this.#around.sleep(LIMITS.tapCallMs).then(() => LATE)
      const open = await Promise.race([call, late])
      if (open !== LATE) this.hear(open)
    } catch {
      this.hear(undefined)
    }
  }
}

const LATE: OpenTaps = { taps: [], untilMs: 0 }
