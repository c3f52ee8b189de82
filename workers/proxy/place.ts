/** Where an isolate runs, as far as requests tell: the platform's edge puts it into their `cf`. */
import { type Region, regionOf } from "#shared/propagation/regions.ts"

/** A request. To look at its `cf` costs more than most that is decided, above all where there is none. */
export interface Located {
  readonly cf?: object | undefined
}

interface Facts {
  readonly colo?: string
  readonly continent?: string
}

/** Where there is no edge, and services do not pass on what it told them, nobody will ever say. */
const ASKED_MAX = 100

export class Place {
  /** The data centre, as the platform names it: `AMS`. */
  colo: string | undefined
  region: Region | undefined
  #isAtEdge = false
  #asked = 0

  /** Learns from a request, if it does not know yet. Who was told nothing many times asks no more. */
  notice(request: Located | undefined): void {
    if (this.colo !== undefined || this.#asked >= ASKED_MAX) return
    this.#asked++
    this.locate(request)
  }

  /** As `notice`, however often it was told nothing. */
  locate(request: Located | undefined): void {
    if (this.colo === undefined) this.#learn(factsIn(request))
  }

  /**
   * Whether the platform's edge stands before the isolate: a public request came by it, this one or one before. Only public requests are
   * shown: what a service says in its own is no sign of an edge.
   */
  isAtEdge(request: Located | undefined): boolean {
    if (!this.#isAtEdge) {
      const facts = factsIn(request)
      if (this.colo === undefined) this.#learn(facts)
      this.#isAtEdge = facts.colo !== undefined
    }
    return this.#isAtEdge
  }

  #learn({ colo, continent }: Facts): void {
    this.colo = colo
    this.region = regionOf(colo, continent)
  }
}

function factsIn(request: Located | undefined): Facts {
  return request?.cf ?? {}
}
