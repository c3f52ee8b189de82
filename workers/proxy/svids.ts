/**
 * Tokens that tell upstreams outside the mesh who calls. Each is good for one workload and one upstream; an isolate keeps it and fetches
 * the next one ahead, in the background, so that no request waits but the very first.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { EndpointIdentity, Workload } from "#shared/model/workload-identity.ts"
import type { Issued, KeyRingRpc } from "#shared/protocol/key-ring.ts"
import type { Background } from "./mesh.ts"

/** The object that signs, by a stub of its own for each call; undefined where the proxy has no such binding. */
export type KeyRing = () => Pick<KeyRingRpc, "issue"> | undefined

export interface Surroundings {
  nowMs(): number
  roll(): number
  sleep(ms: number): Promise<void>
  log(line: string): void
}

interface Kept {
  issued: Issued | undefined
  refreshAtMs: number
  asking: Promise<void> | undefined
}

export class Svids {
  readonly #ring: KeyRing
  readonly #around: Surroundings
  readonly #kept = new Map<string, Kept>()

  constructor(ring: KeyRing, around: Surroundings) {
    this.#ring = ring
    this.#around = around
  }

  /** Undefined when none can be had in time. */
  async token(workload: Workload, { audience }: EndpointIdentity, background: Background): Promise<string | undefined> {
    const kept = this.#keptFor(workload, audience)
    const nowMs = this.#around.nowMs()
    if (nowMs >= kept.refreshAtMs) this.#ask(kept, workload, audience, background)
    if (!isGood(kept, nowMs) && kept.asking) {
      // Handed to `waitUntil` by whoever asked: it does not end with that request.
      await Promise.race([kept.asking, this.#around.sleep(LIMITS.svidWaitMs)])
    }
    return isGood(kept, this.#around.nowMs()) ? kept.issued?.token : undefined
  }

  #keptFor(workload: Workload, audience: string): Kept {
    const key = `${workload} ${audience}`
    const known = this.#kept.get(key)
    if (known) return known
    if (this.#kept.size >= LIMITS.svidsMax) this.#kept.delete(this.#kept.keys().next().value!)
    const kept: Kept = { issued: undefined, refreshAtMs: 0, asking: undefined }
    this.#kept.set(key, kept)
    return kept
  }

  #ask(kept: Kept, workload: Workload, audience: string, background: Background): void {
    if (kept.asking) return
    const asking = this.#fetch(kept, workload, audience).finally(() => {
      kept.asking = undefined
    })
    kept.asking = asking
    background.waitUntil(asking)
  }

  /** Never rejects. An object that fails is left alone for a moment; the token at hand is used meanwhile, as long as it is good. */
  async #fetch(kept: Kept, workload: Workload, audience: string): Promise<void> {
    const { nowMs, roll, log } = this.#around
    try {
      const issued = await this.#ring()?.issue({ workload, audience })
      if (!issued) throw new Error("it signs nothing for this")
      kept.issued = issued
      // Between half and three quarters of its life: isolates that began together do not come back together.
      kept.refreshAtMs = nowMs() + (issued.expiresAtMs - nowMs()) * (0.5 + roll() / 4)
    } catch (error) {
      log(`no token for ${workload} towards ${audience}: ${error}`)
      kept.refreshAtMs = nowMs() + LIMITS.svidRetryMs * (0.75 + roll() / 2)
    }
  }
}

function isGood({ issued }: Kept, nowMs: number): boolean {
  return issued !== undefined && nowMs + LIMITS.svidSkewMs < issued.expiresAtMs
}
