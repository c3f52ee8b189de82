/**
 * Keeps the heads of a few requests, scrubbed, for previews of changes. Most requests are only counted; of those that are kept, nothing is
 * taken but what the routes decide by.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Header, Route } from "#shared/model/route.ts"
import type { SampledHead } from "#shared/model/sample.ts"
import { Reservoir } from "#shared/telemetry/reservoir.ts"
import { scrubHeader, scrubPath, scrubQuery, type Wanted } from "#shared/telemetry/scrub.ts"
import type { Exchange } from "./exchange.ts"
import type { Asked } from "./recorder.ts"

/** Of every request: what filters answer by. */
const ALWAYS = ["accept", "access-control-request-method", "content-type", "origin"]
const NOTHING: Wanted = { headers: new Set(ALWAYS), query: new Set() }

export class Sampler {
  readonly #reservoir: Reservoir<Omit<SampledHead, "weight">>
  /** By the routes that they were read from. */
  readonly #wanted = new WeakMap<readonly Route[], Wanted>()

  constructor(roll: () => number) {
    this.#reservoir = new Reservoir(LIMITS.headsOfReport, roll)
  }

  pass(exchange: SampledExchange, isRpc: boolean, asked: Asked): void {
    if (this.#reservoir.passes()) this.#reservoir.keep(this.#headOf(exchange, isRpc, asked))
  }

  take(): readonly SampledHead[] {
    const { kept, weight } = this.#reservoir.take()
    return kept.map((head) => ({ ...head, weight }))
  }

  #headOf({ entrance, startedAtMs, principals, routes }: SampledExchange, isRpc: boolean, asked: Asked) {
    const { user } = principals
    const who = {
      atMs: startedAtMs,
      ...(entrance.at === "gateway" && { gateway: entrance.gateway }),
      ...(entrance.at === "service" && { from: entrance.peer.from }),
      ...(entrance.at === "service" && entrance.peer.to !== undefined && { to: entrance.peer.to }),
      ...(user && { issuer: user.issuer }),
    }
    if (isRpc) return { ...who, rpc: asked.method }
    const wanted = routes ? this.#wantedBy(routes.written) : NOTHING
    return { ...who, method: asked.method, ...urlOf(asked.url, wanted), headers: headersOf(asked.headers, wanted) }
  }

  #wantedBy(routes: readonly Route[]): Wanted {
    const known = this.#wanted.get(routes)
    if (known) return known
    const matches = routes.flatMap(({ rules }) => rules.flatMap((rule) => rule.matches))
    const wanted = {
      headers: new Set([...ALWAYS, ...matches.flatMap(({ headers }) => headers.map(({ name }) => name.toLowerCase()))]),
      query: new Set(matches.flatMap(({ query }) => query.map(({ name }) => name))),
    }
    this.#wanted.set(routes, wanted)
    return wanted
  }
}

export type SampledExchange = Pick<Exchange, "entrance" | "startedAtMs" | "principals"> & {
  readonly routes: { readonly written: readonly Route[] } | undefined
}

/** As it came: what the mesh makes of it is for the replay to find out. */
function urlOf(url: string | undefined, wanted: Wanted): { url?: string } {
  const [, origin, path = "/", rawQuery = ""] = /^([a-z]+:\/\/[^/?#]*)([^?#]*)(?:\?([^#]*))?/.exec(url ?? "") ?? []
  if (origin === undefined) return {}
  const query = scrubQuery(rawQuery, wanted.query)
  return { url: `${origin}${scrubPath(path === "" ? "/" : path)}${query === "" ? "" : `?${query}`}` }
}

function headersOf(headers: Asked["headers"], wanted: Wanted): Header[] {
  return [...wanted.headers].flatMap((name) => {
    const value = scrubHeader(name, headers?.get(name) ?? null)
    return value === undefined ? [] : [{ name, value }]
  })
}
