/**
 * Keeps good answers of a cluster whose breaker may fall back to them, and gives them again. Answers stand in the isolate's memory: the
 * platform's cache works by zone, shares its keys with whatever else runs there, and does nothing at all on some hosts.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { StalePolicy } from "#shared/model/policy.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import { ageOf, type StaleAnswer, StaleShelf, shelfMs, staleKey, variedOf } from "#shared/resilience/stale.ts"
import { hash32 } from "#shared/std/hash.ts"
import type { Mesh } from "./mesh.ts"
import { readAll } from "./read-all.ts"

type World = Pick<Mesh, "nowMs" | "waitUntil" | "sleep">

/** The shelf of one isolate, with room for some copies under way. */
export class StaleStore {
  readonly shelf = new StaleShelf()
  /** When each copy that is under way is given up on at the latest: what the runtime ends without a word must not be counted for ever. */
  readonly #copies = new Map<object, number>()
  /** Tells the clusters apart, and what a cluster was before its policy or its endpoints changed. */
  #spaces = 0

  newSpace(): string {
    return `${++this.#spaces} `
  }

  hasRoom(nowMs: number): boolean {
    for (const [copy, untilMs] of this.#copies) if (nowMs >= untilMs) this.#copies.delete(copy)
    return this.#copies.size < LIMITS.staleCopiesMax
  }

  begin(copy: object, nowMs: number): void {
    this.#copies.set(copy, nowMs + 2 * LIMITS.staleCopyMs)
  }

  end(copy: object): void {
    this.#copies.delete(copy)
  }
}

/** A shelf as one cluster uses it. */
export class StaleAnswers {
  readonly #policy: StalePolicy
  readonly #store: StaleStore
  /** When an answer was last copied, by the hash of its key, for those that are not copied again yet. */
  readonly #copiedAtMs = new Map<number, number>()
  #space: string

  constructor(policy: StalePolicy, store: StaleStore) {
    this.#policy = policy
    this.#store = store
    this.#space = store.newSpace()
  }

  /** The service is somewhere else now: what was answered there is nobody's answer any more. */
  forget(): void {
    this.#space = this.#store.newSpace()
    this.#copiedAtMs.clear()
  }

  find(request: Request, nowMs: number): Response | undefined {
    const key = keyOf(request, this.#policy)
    const found = key === undefined ? undefined : this.#store.shelf.find(this.#space + key, request, nowMs)
    return found && responseOf(found, nowMs)
  }

  /** The answer as it came; a copy of it is kept beside, when it may be and is not there yet. */
  keep(request: Request, answer: Response, mesh: World): Response {
    const nowMs = mesh.nowMs()
    const shelf = shelfMs(answer.status, answer.headers, this.#policy)
    if (shelf === 0 || !this.#store.hasRoom(nowMs)) return answer
    if (Number(answer.headers.get("content-length") ?? 0) > LIMITS.staleBodyBytesMax) return answer
    const key = keyOf(request, this.#policy)
    if (key === undefined || !this.#isDue(key, nowMs)) return answer
    const kept = {
      status: answer.status,
      headers: [...answer.headers],
      varied: variedOf(answer.headers, request),
      bornAtMs: nowMs - ageOf(answer.headers),
      untilMs: nowMs + shelf,
    }
    const declared = answer.headers.has("content-encoding") ? null : answer.headers.get("content-length")
    const place = this.#space + key
    const put = (body: ArrayBuffer | null) => {
      // A body that ended early is nobody's answer. (A packed one declares the length that it had on its way.)
      const isWhole = declared === null || Number(declared) === (body?.byteLength ?? 0)
      if (isWhole) this.#store.shelf.put(place, { ...kept, body })
    }
    if (!answer.body) {
      put(null)
      return answer
    }
    const [out, copy] = answer.body.tee()
    mesh.waitUntil(this.#copy(copy, put, mesh))
    return new Response(out, answer)
  }

  /** A copy costs: what is young is not copied again. Two keys that share a hash make one of them wait, and no more. */
  #isDue(key: string, nowMs: number): boolean {
    const hash = hash32(key)
    const copiedAtMs = this.#copiedAtMs.get(hash)
    if (copiedAtMs !== undefined && nowMs - copiedAtMs < this.#policy.maxAgeMs / 10) return false
    if (this.#copiedAtMs.size >= LIMITS.staleEntriesMax) this.#copiedAtMs.clear()
    this.#copiedAtMs.set(hash, nowMs)
    return true
  }

  async #copy(body: ReadableStream, put: (body: ArrayBuffer) => void, mesh: World): Promise<void> {
    this.#store.begin(body, mesh.nowMs())
    const reader = body.getReader()
    const late = mesh.sleep(LIMITS.staleCopyMs).then(() => undefined)
    const whole = await Promise.race([readAll(reader, LIMITS.staleBodyBytesMax), late])
    if (whole instanceof ArrayBuffer) put(whole)
    else await reader.cancel().catch(() => {})
    this.#store.end(body)
  }
}

/** A client's certificate says who asks, and stands in no header. */
function keyOf(request: Request, policy: StalePolicy): string | undefined {
  const { cf } = request as { readonly cf?: { readonly tlsClientAuth?: { readonly certPresented?: unknown } } }
  return cf?.tlsClientAuth?.certPresented === "1" ? undefined : staleKey(request, policy)
}

const NOT_KEPT = new Set(["connection", "content-length", "keep-alive", "transfer-encoding", "age", "warning"])

/** RFC 9111 5.1 and, for clients that know it, the warning of RFC 7234 5.5.1. */
function responseOf({ status, headers, body, bornAtMs }: StaleAnswer, nowMs: number): Response {
  const told = headers.filter(([name]) => !NOT_KEPT.has(name) && !name.startsWith("weft-"))
  const response = new Response(body, { status, headers: told as [string, string][] })
  response.headers.set("age", String(Math.max(0, Math.floor((nowMs - bornAtMs) / 1_000))))
  response.headers.set("warning", '110 - "Response is Stale"')
  response.headers.set(HEADER.fallback, "stale")
  return response
}
