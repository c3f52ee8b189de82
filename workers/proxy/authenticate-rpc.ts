/**
 * The stage `authenticate` for RPC. A call has no headers; a caller that acts for a user says so in the open, in the call's context
 * (see `rpc.ts`), under the names that headers have: `authorization`, `x-api-key`.
 */
import { withoutCookie } from "#shared/identity/credentials.ts"
import { fold } from "#shared/identity/headers.ts"
import type { Passage } from "#shared/identity/passage.ts"
import { isRefusal, type Refusal } from "#shared/model/refusal.ts"
import type { Entry } from "#shared/routing/table.ts"
import { begun, headersLookedFor, passDoor, passServices } from "./authenticate.ts"
import type { Exchange } from "./exchange.ts"
import type { Mesh } from "./mesh.ts"

export type CallContext = object

/** Kept in a box, because a caller's own object may look like anything, also like a refusal. */
export interface Carrying {
  readonly context: CallContext | undefined
}

/** The call's context as it goes on. A call without one presents nothing, and is told nothing. */
export async function authenticateCallAtDoor(
  exchange: Exchange,
  entry: Entry,
  context: CallContext | undefined,
  mesh: Mesh,
): Promise<Carrying | Refusal> {
  const headers = new Map<string, string | undefined>()
  const names = headersLookedFor(exchange.routes!, mesh)
  for (const [key, value] of Object.entries(context ?? {})) {
    const name = key.toLowerCase()
    if (!names.has(name)) continue
    // What is no text cannot be read, and neither can one name that stands there twice in different case.
    headers.set(name, typeof value === "string" && !headers.has(name) ? value : undefined)
  }
  exchange.proof = begun({ path: "", rawQuery: "", headers }, false)
  return after(await passDoor(exchange, entry, exchange.proof, mesh), { context })
}

export async function authenticateCallAtServices(
  exchange: Exchange,
  carrying: Carrying,
  mesh: Mesh,
): Promise<Carrying | Refusal> {
  return after(await passServices(exchange, exchange.proof!, mesh), carrying)
}

function after(passage: Passage | Refusal | undefined, carrying: Carrying): Carrying | Refusal {
  if (passage === undefined || isRefusal(passage)) return passage ?? carrying
  const { context } = carrying
  if (!context) return carrying
  const kept = Object.entries(context).filter(([key]) => {
    const name = key.toLowerCase()
    return !passage.cleared.has(fold(name)) && !passage.strip.some((one) => one.in === "header" && one.name === name)
  })
  const told: Record<string, unknown> = Object.fromEntries(kept)
  for (const place of passage.strip) {
    if (place.in !== "cookie") continue
    for (const key of Object.keys(told)) {
      if (key.toLowerCase() === "cookie") told[key] = withoutCookie(String(told[key]), place.name)
    }
  }
  return { context: Object.assign(told, Object.fromEntries(passage.marks)) }
}
