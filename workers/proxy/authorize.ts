/**
 * Stage `authorize`: whether the request may pass, by the access policies of the place that it is judged for. A gateway judges public
 * traffic as it came in; a service judges what is about to be sent to it: after filters, for the service that is really reached, be
 * it the split's, a fallback or the target of a copy. Authorizers are asked first, then the policies decide (Istio: CUSTOM, DENY, ALLOW).
 */

import type { Guards } from "#shared/identity/access.ts"
import type { Subject } from "#shared/identity/access-condition.ts"
import { nameOf, type ServiceId } from "#shared/model/names.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Place } from "#shared/model/target.ts"
import { type AccessNotes, noted } from "./access-notes.ts"
import { type Asking, ask } from "./authorizer.ts"
import type { CanonicalRequest } from "./canonicalise.ts"
import type { Exchange } from "./exchange.ts"
import type { Mesh } from "./mesh.ts"
import type { Outgoing } from "./send.ts"

/** Public traffic at its gateway. */
export async function authorizeAtGateway(
  exchange: Exchange,
  canonical: CanonicalRequest,
  mesh: Mesh,
): Promise<CanonicalRequest | Refusal> {
  const { entrance } = exchange
  if (entrance.at !== "gateway") return canonical
  const asking = await judge(exchange, { at: "gateway", gateway: entrance.gateway }, ofHttp(canonical, canonical), mesh)
  if (isRefusal(asking)) return asking
  return asking.request === canonical.request ? canonical : { ...canonical, request: asking.request! }
}

/** An HTTP request before it is sent to a service. */
export async function authorizeAtService(
  exchange: Exchange,
  service: ServiceId,
  outgoing: Outgoing,
  mesh: Mesh,
): Promise<Outgoing | Refusal> {
  const asking = await judge(exchange, { at: "service", service }, ofHttp(outgoing.address, outgoing), mesh)
  if (isRefusal(asking)) return asking
  return asking.request === outgoing.request ? outgoing : { ...outgoing, request: asking.request! }
}

/** An RPC call before it is sent to a service. */
export async function authorizeCall(
  exchange: Exchange,
  service: ServiceId,
  method: string,
  mesh: Mesh,
): Promise<Refusal | undefined> {
  const host = nameOf(service)
  // An authorizer is asked over HTTP: what stands for the call there is `POST /<method>`, as gRPC would have it.
  const path = `/${encodeURIComponent(method)}`
  const address = { scheme: "http", host, port: 80, path, rawQuery: "" } as const
  const asking = await judge(exchange, { at: "service", service }, { address, request: undefined, rpc: method }, mesh)
  return isRefusal(asking) ? asking : undefined
}

function ofHttp(
  address: Asking["address"],
  { request, body }: { request: Request; body?: ArrayBuffer | undefined },
): Asking {
  return { address, request, body, rpc: undefined }
}

async function judge(exchange: Exchange, place: Place, asking: Asking, mesh: Mesh): Promise<Asking | Refusal> {
  const guards = exchange.routes?.access?.at(place)
  if (!guards) return asking
  let asked = asking
  for (const policy of guards.authorizers(subjectOf(exchange, asking))) {
    const answer = await ask(policy.authorizer, exchange, asked, mesh)
    if (isRefusal(answer)) {
      note(exchange, { deniedBy: [policy.id] })
      return answer
    }
    if (answer.isUnasked) note(exchange, { unasked: [policy.id] })
    asked = answer.asking
  }
  return decide(exchange, guards, subjectOf(exchange, asked)) ?? asked
}

function decide(exchange: Exchange, guards: Guards, subject: Subject): Refusal | undefined {
  const verdict = guards.judge(subject)
  const rehearsed = guards.rehearse(subject)
  const audited = guards.audit(subject)
  if (audited.length > 0) note(exchange, { audited })
  if (rehearsed && rehearsed.allowed !== verdict.allowed) note(exchange, { rehearsed: [rehearsed] })
  if (verdict.allowed) return undefined
  note(exchange, { deniedBy: verdict.by })
  return FORBIDDEN
}

/** Who is refused learns nothing of what there is to get past. */
const FORBIDDEN = refuse("forbidden")

function note(exchange: Exchange, notes: Partial<AccessNotes>): void {
  exchange.access = noted(exchange.access, notes)
}

function subjectOf({ principals, entrance }: Exchange, { address, request, rpc }: Asking): Subject {
  const gateway = entrance.at === "gateway" ? entrance.gateway : undefined
  if (!request) return { principals, gateway, http: undefined, rpc }
  const { host, port, path } = address
  return {
    principals,
    gateway,
    http: { method: request.method, host, port, path, headers: request.headers },
    rpc: undefined,
  }
}
