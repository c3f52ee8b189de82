/** How far a revision has come: what `GET /v1/revisions/{revision}/convergence` answers. */

/** The isolates that ask the root itself, for want of a relay. */
export const ROOT = "root"

export interface RevisionConvergence {
  readonly revision: number
  /** `refused`: an isolate that counts cannot serve it. `waiting`: somewhere it is not served yet, or that is not known. */
  readonly state: "done" | "waiting" | "refused"
  /** Isolates that may serve a request without asking first, and how many of them serve the revision, or one above it. */
  readonly isolates: number
  readonly serving: number
  readonly regions: readonly RegionConvergence[]
  /** The first hundred. */
  readonly refusing: readonly Refusing[]
  readonly committedAtMs: number
  /** When it was served everywhere, at the latest. */
  readonly doneAtMs?: number
  /** How long it takes at most, as long as nothing fails. */
  readonly boundMs: number
}

export interface RegionConvergence {
  /** In the platform's words for where objects stand, `weur`; `any` where isolates do not know; `root` for those without a relay. */
  readonly region: string
  readonly relays: number
  /** Relays that have the revision, or one above it. */
  readonly acknowledged: number
  /** Relays that do not answer: which isolates they have is not known. */
  readonly silent: number
  /** Relays that were started so lately that there may be isolates they have not heard of. */
  readonly unsure: number
  readonly isolates: number
  readonly serving: number
  /** The isolate that goes by an older revision and was heard of longest ago: for so long. */
  readonly oldestLeaseMs?: number
  readonly doneAtMs?: number
}

export interface Refusing {
  readonly isolate: string
  readonly region: string
  readonly reason: string
}
