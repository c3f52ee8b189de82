/** Finds the candidates that take an RPC call, by the method's name: exact names, globs with `*`, and any. */
import type { Candidate, Sink } from "./candidate.ts"
import { isCatchAll } from "./path-match.ts"

export class RpcIndex {
  readonly #exact = new Map<string, Candidate[]>()
  readonly #globs: { readonly parts: readonly string[]; readonly candidates: Candidate[] }[] = []
  readonly #any: Candidate[] = []

  /** `candidates` come sorted by position. */
  constructor(candidates: readonly Candidate[]) {
    const globs = new Map<string, Candidate[]>()
    for (const candidate of candidates) {
      const { rpc } = candidate.matched.match
      if (!mayTakeRpc(candidate)) continue
      const lists = rpc?.includes("*") ? globs : this.#exact
      const list = rpc === undefined ? this.#any : (lists.get(rpc) ?? [])
      if (rpc !== undefined) lists.set(rpc, list)
      list.push(candidate)
    }
    // Insertion order is the order of each glob's first position, so that a search can end at the first list past its best.
    for (const [glob, list] of globs) this.#globs.push({ parts: glob.split("*"), candidates: list })
  }

  visit(name: string, sink: Sink): void {
    const exact = this.#exact.get(name)
    if (exact) sink.offer(exact)
    for (const { parts, candidates } of this.#globs) {
      if (!sink.wants(candidates[0]?.position ?? 0)) break
      if (takesName(parts, name)) sink.offer(candidates)
    }
    sink.offer(this.#any)
  }
}

/** An RPC call has no path, no method and no query: a match that asks for one of them takes HTTP only. */
function mayTakeRpc(candidate: Candidate): boolean {
  const { path, method, query } = candidate.matched.match
  return (path === undefined || isCatchAll(path)) && method === undefined && query.length === 0
}

/** `parts` is what stands between the stars. Taking each part as early as possible finds a fit if there is one. */
function takesName(parts: readonly string[], name: string): boolean {
  const first = parts[0] ?? ""
  const last = parts.at(-1) ?? ""
  if (!name.startsWith(first) || !name.endsWith(last)) return false
  let from = first.length
  const end = name.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, from)
    if (found < 0) return false
    from = found + part.length
  }
  return from <= end
}
