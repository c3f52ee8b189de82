/** What a request with a ticket is told: what the proxy received of it, and what it would have gone on with. It goes nowhere. */
import type { Entrance } from "#shared/exchange/decide.ts"
import { isRefusal, type Refusal } from "#shared/model/refusal.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import { PROBE_TYPE, type ProbeReport } from "#shared/protocol/probe.ts"
import { hideSecret } from "#shared/std/secret.ts"
import type { CanonicalRequest } from "./canonicalise.ts"
import type { Mesh } from "./mesh.ts"

/** Of a request that is refused for its form; what its form is, is what a probe asks. */
export function ticketOf(request: Request, { at }: Entrance): string | undefined {
  return at === "gateway" ? (request.headers.get(HEADER.probe) ?? undefined) : undefined
}

/** Undefined when the ticket is none: the request is then served like any other. */
export async function probed(
  request: Request,
  canonical: CanonicalRequest | Refusal,
  written: string,
  mesh: Mesh,
): Promise<Response | undefined> {
  // A proxy that was just started has heard of no keys yet.
  const routes = mesh.routes ?? (await mesh.settledRoutes(0))
  const ticket = await mesh.ticketOf(written)
  if (!ticket) return undefined
  const { method, url, headers, cf } = request
  const protocol = typeof cf?.httpProtocol === "string" ? cf.httpProtocol : undefined
  const report: ProbeReport = {
    // A page must not learn by a ticket what browsers keep from it: its visitor's cookies (as once by TRACE).
    received: { method, url, headers: [...headers].map(([name, value]) => [name, hideSecret(name, value)]) },
    canonical: formOf(canonical),
    ...(mesh.colo !== undefined && { colo: mesh.colo }),
    ...(protocol !== undefined && { protocol }),
    nowMs: mesh.nowMs(),
    revision: routes?.revision ?? 0,
    settings: mesh.settings,
    ...(ticket.asksObjects && { objects: await mesh.measureObjects() }),
  }
  return new Response(JSON.stringify(report), {
    headers: { "content-type": PROBE_TYPE, "cache-control": "no-store" },
  })
}

function formOf(canonical: CanonicalRequest | Refusal): ProbeReport["canonical"] {
  if (!isRefusal(canonical)) return { host: canonical.host, path: canonical.path, query: canonical.rawQuery }
  const { refusal, detail } = canonical
  return { refusal, ...(detail !== undefined && { detail }) }
}
