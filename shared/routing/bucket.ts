/**
 * The routes that share a host (or a service, for one kind of caller), compiled when the first request asks for them.
 */
import type { Route } from "#shared/model/route.ts"
import { type Candidate, candidatesOf, type Sink } from "./candidate.ts"
import type { RequestHead } from "./head.ts"
import { PathIndex } from "./path-index.ts"
import type { RegexPool } from "./regex.ts"
import { RpcIndex } from "./rpc-index.ts"

export class Bucket {
  readonly #routes: Route[] = []
  readonly #regexes: RegexPool
  #compiled: { readonly candidates: readonly Candidate[]; readonly http: PathIndex; readonly rpc: RpcIndex } | undefined

  constructor(regexes: RegexPool) {
    this.#regexes = regexes
  }

  /** Several attachments of one route may meet here; they come one after the other. */
  add(route: Route): void {
    if (this.#routes.at(-1) !== route) this.#routes.push(route)
  }

  /** Routes that share a host agree on their order; should they not, the oldest one decides. */
  get order(): Route["order"] {
    const oldest = this.#routes.reduce((left, right) =>
      right.since < left.since || (right.since === left.since && right.id < left.id) ? right : left,
    )
    return oldest.order
  }

  get candidates(): readonly Candidate[] {
    return this.#compile().candidates
  }

  visit(head: RequestHead, sink: Sink): void {
    const compiled = this.#compile()
    if (head.rpc === undefined) compiled.http.visit(head.path, sink)
    else compiled.rpc.visit(head.rpc, sink)
  }

  #compile() {
    if (!this.#compiled) {
      const candidates = candidatesOf(this.#routes, this.order, this.#regexes)
      const overHttp = candidates.filter((candidate) => candidate.matched.match.rpc === undefined)
      this.#compiled = { candidates, http: new PathIndex(overHttp), rpc: new RpcIndex(candidates) }
    }
    return this.#compiled
  }
}
