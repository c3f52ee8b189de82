/** Stage `record`: what became of an exchange is counted, and told to those who listen, once, from what was decided. */
import { principalOf } from "#shared/identity/marks.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { isRefusal, REFUSALS, type Refusal } from "#shared/model/refusal.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import type { Exchange } from "./exchange.ts"
import { changeable } from "./filter.ts"
import type { Mesh } from "./mesh.ts"
import type { Answered, Asked } from "./recorder.ts"

export function record(
  exchange: Exchange,
  protocol: AccessRecord["protocol"],
  asked: Asked,
  answer: Answered | Refusal,
  mesh: Mesh,
): void {
  const nowMs = mesh.nowMs()
  const { telemetry } = mesh
  telemetry.count(exchange, protocol, asked, answer, nowMs, mesh)
  const { log, tracer, tapper } = telemetry
  const status = statusOf(answer)
  const isRecorded = tracer?.wants(exchange, status, nowMs) === true
  const logging = log.policyFor(exchange.matched?.rule.accessLog, answer, status, nowMs - exchange.startedAtMs, mesh)
  if (!logging && !isRecorded && !tapper?.isOpen) return
  const finished = finish(exchange, protocol, asked, answer, nowMs)
  if (logging) log.write(finished, logging, asked)
  if (isRecorded) tracer!.finish(exchange, finished, mesh)
  tapper?.offer(finished, asked, mesh)
}

function statusOf(answer: { readonly status: number } | Refusal): number {
  return isRefusal(answer) ? (answer.status ?? REFUSALS[answer.refusal].status) : answer.status
}

export function finish(
  exchange: Exchange,
  protocol: AccessRecord["protocol"],
  asked: Pick<Asked, "method" | "url">,
  answer: { readonly status: number } | Refusal,
  nowMs: number,
): AccessRecord {
  const { entrance, matched, backend, routes, attempts, limited, access, trace, startedAtMs } = exchange
  const refusal = isRefusal(answer) ? answer.refusal : undefined
  return {
    atMs: startedAtMs,
    durationMs: nowMs - startedAtMs,
    protocol,
    from: entrance.at === "service" ? entrance.peer.from : undefined,
    to: backend?.service ?? (entrance.at === "service" ? entrance.peer.to : undefined),
    subset: backend?.subset,
    rule: matched?.rule.id,
    method: asked.method,
    ...(asked.url === undefined ? NOWHERE : placeIn(asked.url)),
    status: statusOf(answer),
    refusal,
    attempts,
    budgetExhausted: exchange.budgetExhausted || undefined,
    fallback: exchange.fallback,
    refusedBy: listed(limited?.refusedBy),
    shadowed: listed(limited?.shadowed),
    deniedBy: listed(access?.deniedBy),
    audited: listed(access?.audited),
    rehearsed: listed(access?.rehearsed.map(({ allowed, by }) => [allowed ? "allow" : "deny", ...by].join(" "))),
    unasked: listed(access?.unasked),
    ...told(exchange),
    revision: routes?.revision ?? 0,
    floorMissed: routes && exchange.floor > routes.revision ? exchange.floor : undefined,
    trace,
  }
}

/** Tells who asked with `weft-debug` how the mesh decided: `revision=7 rule=default/orders/0 to=default/orders/v2 attempts=1`. */
export function debugged(response: Response, { routes, matched, backend, attempts, access }: Exchange): Response {
  const to = backend && (backend.subset === undefined ? backend.service : `${backend.service}/${backend.subset}`)
  const facts = {
    revision: routes?.revision,
    rule: matched?.rule.id,
    to,
    attempts,
    denied: listed(access?.deniedBy)?.join(","),
  }
  const text = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")
  const marked = changeable(response)
  const inner = marked.headers.get(HEADER.debug)
  marked.headers.set(HEADER.debug, inner === null ? text : `${text}, ${inner}`)
  return marked
}

/** Who was asking, or why that could not be established. */
function told({ principals: { user, key }, proof }: Exchange): Pick<AccessRecord, "user" | "key" | "credential"> {
  if (!proof) return NOBODY
  return { user: user && principalOf(user), key: key?.id, credential: proof.fault }
}

/** Without its query, in which secrets may stand. */
function placeIn(url: string): Pick<AccessRecord, "host" | "path"> {
  const start = url.indexOf("://") + 3
  const end = start + url.slice(start).search(/[/?#]|$/)
  const path = /^[^?#]*/.exec(url.slice(end))![0]
  return {
    host: url.slice(start, end).slice(0, LIMITS.toldCharsMax),
    path: (path || "/").slice(0, LIMITS.toldCharsMax),
  }
}

const NOWHERE = { host: undefined, path: undefined }
const NOBODY = { user: undefined, key: undefined, credential: undefined }

function listed(ids: readonly string[] | undefined): readonly string[] | undefined {
  return ids && ids.length > 0 ? ids.slice(0, LIMITS.policiesTold) : undefined
}
