/**
 * The public keys of one issuer, as one isolate knows them. Nobody waits for them but the first requests, those after a long
 * silence, and those whose token names a key that is not known; and all of these only so long.
 *
 *   none --fetched--> fresh --5 min--> stale (used; a fetch is under way) --5 min--> old (a fetch is waited for a moment)
 *
 * While they cannot be fetched, keys are used for up to an hour after they were last seen; then nobody's token is taken any more.
 * A failed fetch is repeated after 1 s, 2 s, 4 s and so on, at most every 30 s.
 */
import { type KeySet, readKeySet } from "#shared/identity/key-set.ts"
import type { KeySource } from "#shared/model/authentication.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Background } from "./mesh.ts"
import type { Surroundings } from "./snapshots.ts"

/** The keys as they were published, or why they could not be had. Never rejects, and ends by itself. */
export type FetchKeys = () => Promise<{ readonly value: unknown } | { readonly reason: string }>

export class IssuerKeys {
  readonly #name: string
  readonly #isFixed: boolean
  readonly #around: Surroundings
  #keys: KeySet | undefined
  #seenAtMs = Number.NEGATIVE_INFINITY
  #triedAtMs = Number.NEGATIVE_INFINITY
  #failures = 0
  #fetching: Promise<void> | undefined

  constructor(source: KeySource, around: Surroundings) {
    this.#name = source.kind === "url" ? source.url : source.kind === "service" ? source.service : "inline"
    this.#around = around
    this.#isFixed = source.kind === "inline"
    if (source.kind === "inline") this.#adopt(readKeySet({ keys: source.keys }))
  }

  /** The keys to go by now; undefined when there are none that can still be trusted. */
  async current(fetchKeys: FetchKeys, background: Background, patienceMs: number): Promise<KeySet | undefined> {
    if (this.#isFixed) return this.#keys
    const nowMs = this.#around.nowMs()
    const ageMs = nowMs - this.#seenAtMs
    if (ageMs < LIMITS.jwksFreshMs) return this.#keys
    if (this.#mayRetry(nowMs)) this.#fetch(nowMs, fetchKeys, background)
    if (ageMs >= LIMITS.jwksFreshMs + LIMITS.jwksStaleMs) {
      const waitMs = ageMs < LIMITS.jwksLastMs ? LIMITS.jwksAnewWaitMs : LIMITS.jwksWaitMs
      // Counted from the fetch's own beginning: of a slow one only the first requests wait.
      await this.#settled(Math.min(this.#triedAtMs + waitMs - nowMs, patienceMs))
    }
    return this.#around.nowMs() - this.#seenAtMs < LIMITS.jwksLastMs ? this.#keys : undefined
  }

  /** For a token that names an unknown key: the keys after another look, if it is not too soon for one. */
  async renewed(fetchKeys: FetchKeys, background: Background, patienceMs: number): Promise<KeySet | undefined> {
    if (this.#isFixed) return this.#keys
    const nowMs = this.#around.nowMs()
    const due = nowMs - this.#triedAtMs >= LIMITS.jwksRefreshMs
    if (due) this.#fetch(nowMs, fetchKeys, background)
    if (this.#fetching) await this.#settled(Math.min(this.#triedAtMs + LIMITS.jwksWaitMs - nowMs, patienceMs))
    // Of what the issuer has published since nothing is known.
    return this.#fetching || this.#failures > 0 ? undefined : this.#keys
  }

  /** Until it is worth asking again, for who was refused. */
  get retryAfterMs(): number {
    return Math.max(LIMITS.jwksRetryMs, this.#triedAtMs + this.#pauseMs - this.#around.nowMs())
  }

  get #pauseMs(): number {
    return this.#failures === 0 ? 0 : Math.min(LIMITS.jwksRetryMs * 2 ** (this.#failures - 1), LIMITS.jwksRefreshMs)
  }

  #mayRetry(nowMs: number): boolean {
    return nowMs - this.#triedAtMs >= this.#pauseMs
  }

  /** Handed to `waitUntil`: a promise that several requests share must not end with the request that began it. */
  #fetch(nowMs: number, fetchKeys: FetchKeys, background: Background): void {
    // One that hangs beyond its own end is left to itself.
    if (this.#fetching && nowMs - this.#triedAtMs < 2 * LIMITS.jwksFetchMs) return
    this.#triedAtMs = nowMs
    const fetching = this.#refresh(fetchKeys).finally(() => {
      if (this.#fetching === fetching) this.#fetching = undefined
    })
    this.#fetching = fetching
    background.waitUntil(fetching)
  }

  async #refresh(fetchKeys: FetchKeys): Promise<void> {
    const fetched = await fetchKeys()
    const read = "reason" in fetched ? fetched : readKeySet(fetched.value, this.#keys)
    if ("reason" in read) {
      if (this.#failures === 0) this.#around.log(`the keys of ${this.#name} cannot be fetched: ${read.reason}`)
      this.#failures += 1
      return
    }
    if (this.#failures > 0) this.#around.log(`the keys of ${this.#name} can be fetched again`)
    this.#adopt(read)
  }

  #adopt(read: KeySet | { readonly reason: string }): void {
    if ("reason" in read) return
    this.#keys = read
    this.#failures = 0
    this.#seenAtMs = this.#around.nowMs()
  }

  async #settled(waitMs: number): Promise<void> {
    if (this.#fetching && waitMs > 0) await Promise.race([this.#fetching, this.#around.sleep(waitMs)])
  }
}
