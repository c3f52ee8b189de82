/** The newest heads of requests that isolates of a shard kept: bounded, and checked, since they come from elsewhere. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Header } from "#shared/model/route.ts"
import type { SampledHead } from "#shared/model/sample.ts"

const KEY = "heads"
const TEXT_CHARS_MAX = 1_024
const HEADERS_MAX = 64

export class Heads {
  readonly #kv: SyncKvStorage
  #heads: SampledHead[] | undefined
  #isDirty = false

  constructor(kv: SyncKvStorage) {
    this.#kv = kv
  }

  list(): readonly SampledHead[] {
    this.#heads ??= this.#kv.get<SampledHead[]>(KEY) ?? []
    return this.#heads
  }

  take(heads: unknown): void {
    if (!Array.isArray(heads) || heads.length === 0) return
    const read = heads.slice(0, LIMITS.headsOfReport).flatMap((head) => readable(head))
    this.#heads = [...this.list(), ...read].slice(-LIMITS.headsOfShard)
    this.#isDirty = true
  }

  /** Now and then: what is lost with the object was a sample. */
  store(): void {
    if (this.#isDirty) this.#kv.put(KEY, this.#heads)
    this.#isDirty = false
  }
}

function readable(head: Partial<Record<keyof SampledHead, unknown>>): SampledHead[] {
  if (typeof head !== "object" || head === null) return []
  const { atMs, weight, headers = [] } = head
  if (typeof atMs !== "number" || typeof weight !== "number" || !(weight > 0) || !Number.isFinite(atMs + weight))
    return []
  if (!Array.isArray(headers) || headers.length > HEADERS_MAX) return []
  const texts: Record<string, string> = {}
  for (const name of ["method", "url", "gateway", "from", "to", "rpc", "issuer"] as const) {
    const value = head[name]
    if (value === undefined) continue
    if (typeof value !== "string" || value.length > TEXT_CHARS_MAX) return []
    texts[name] = value
  }
  const isHeader = (one: Header) => typeof one?.name === "string" && typeof one.value === "string"
  const kept = (headers as Header[]).filter(
    (one) => isHeader(one) && one.name.length + one.value.length <= TEXT_CHARS_MAX,
  )
  return [{ atMs, weight, ...texts, headers: kept.map(({ name, value }) => ({ name, value })) }]
}
