/** The stage `authenticate` for HTTP: what a request presents, and the request as it goes on from a checkpoint. */
import { withoutCookie, withoutParameter } from "#shared/identity/credentials.ts"
import { fold } from "#shared/identity/headers.ts"
import { isRefusal, type Refusal } from "#shared/model/refusal.ts"
import type { Entry } from "#shared/routing/table.ts"
import { begun, headersLookedFor, type Passage, passDoor, passServices } from "./authenticate.ts"
import { type CanonicalRequest, withUrl } from "./canonicalise.ts"
import type { Exchange } from "./exchange.ts"
import type { Mesh } from "./mesh.ts"

export async function authenticateAtDoor(
  exchange: Exchange,
  entry: Entry,
  canonical: CanonicalRequest,
  mesh: Mesh,
): Promise<CanonicalRequest | Refusal> {
  const { path, rawQuery, request } = canonical
  const headers = new Map<string, string>()
  for (const name of headersLookedFor(exchange.routes!, mesh)) {
    const value = request.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  exchange.proof = begun({ path, rawQuery, headers }, isPreflight(canonical))
  return after(await passDoor(exchange, entry, exchange.proof, mesh), canonical)
}

export async function authenticateAtServices(
  exchange: Exchange,
  canonical: CanonicalRequest,
  mesh: Mesh,
): Promise<CanonicalRequest | Refusal> {
  return after(await passServices(exchange, exchange.proof!, mesh), canonical)
}

/** Fetch standard: a browser asks before it sends what a page may not send by itself. */
function isPreflight({ method, request: { headers } }: CanonicalRequest): boolean {
  return method === "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method")
}

function after(passage: Passage | Refusal | undefined, canonical: CanonicalRequest): CanonicalRequest | Refusal {
  if (passage === undefined) return canonical
  if (isRefusal(passage)) return passage
  const { headers } = canonical.request
  if (passage.cleared.size > 0) {
    for (const name of [...headers.keys()]) if (passage.cleared.has(fold(name))) headers.delete(name)
  }
  let { rawQuery } = canonical
  for (const place of passage.strip) {
    if (place.in === "header") headers.delete(place.name)
    else if (place.in === "query") rawQuery = withoutParameter(rawQuery, place.name)
    else stripCookie(headers, place.name)
  }
  for (const [header, value] of passage.marks) headers.set(header, value)
  if (rawQuery === canonical.rawQuery) return canonical
  const address = { ...canonical, rawQuery }
  return { ...address, request: withUrl(canonical.request, address) }
}

function stripCookie(headers: Headers, name: string): void {
  const cookies = headers.get("cookie")
  if (cookies === null) return
  const rest = withoutCookie(cookies, name)
  if (rest === "") headers.delete("cookie")
  else headers.set("cookie", rest)
}
