/** The stage `authenticate` for HTTP: what a request presents, and the request as it goes on from a checkpoint. */
import { isPreflight } from "#shared/exchange/reach.ts"
import { type Passage, takeThrough } from "#shared/identity/passage.ts"
import { isRefusal, type Refusal } from "#shared/model/refusal.ts"
import type { Entry } from "#shared/routing/table.ts"
import { begun, headersLookedFor, passDoor, passServices } from "./authenticate.ts"
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
  exchange.proof = begun({ path, rawQuery, headers }, isPreflight(canonical.method, request.headers))
  return after(await passDoor(exchange, entry, exchange.proof, mesh), canonical)
}

export async function authenticateAtServices(
  exchange: Exchange,
  canonical: CanonicalRequest,
  mesh: Mesh,
): Promise<CanonicalRequest | Refusal> {
  return after(await passServices(exchange, exchange.proof!, mesh), canonical)
}

function after(passage: Passage | Refusal | undefined, canonical: CanonicalRequest): CanonicalRequest | Refusal {
  if (passage === undefined) return canonical
  if (isRefusal(passage)) return passage
  const rawQuery = takeThrough(passage, canonical.request.headers, canonical.rawQuery)
  if (rawQuery === canonical.rawQuery) return canonical
  const address = { ...canonical, rawQuery }
  return { ...address, request: withUrl(canonical.request, address) }
}
