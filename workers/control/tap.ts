/** Opens taps: who may see what is decided here, and all else is the `Tap` object's. */
import { LIMITS } from "#shared/model/limits.ts"
import { serviceId } from "#shared/model/names.ts"
import type { TapFilter } from "#shared/model/tap.ts"
import { TAP, TAP_HEADER, type TapOrder } from "#shared/protocol/tap.ts"
import { isSecretName } from "#shared/std/secret.ts"
import { scrubPath } from "#shared/telemetry/scrub.ts"
import { PUBLIC } from "#shared/telemetry/series.ts"
import { TARGET_CHARS_MAX } from "./audit.ts"
import type { Call } from "./endpoint.ts"
import { problem } from "./problems.ts"
import type { TapQuery } from "./schemas-tap.ts"

type OpenCall = Call<object, TapQuery, undefined>

export async function openTap({ env, query, caller, request, audit, entry }: OpenCall): Promise<Response> {
  if (query.header !== undefined && query.value !== undefined && isSecretName(query.header)) {
    return problem(400, `What ${query.header} says is never shown, and cannot be searched for; leave the value away.`)
  }
  if (!isOpening({ request })) return new Response(null, { status: 204 })
  const order: TapOrder = {
    filter: { ...filterOf(query), ...(caller.namespaces && { namespaces: caller.namespaces }) },
    perSecond: query.rate ?? LIMITS.tapPerSecond,
    endsAtMs: Date.now() + secondsOf(query) * 1000,
    ...(entry !== undefined && { entry }),
  }
  const headers = { upgrade: "websocket", [TAP_HEADER]: JSON.stringify(order) }
  const answer = await env.TAP.getByName(TAP).fetch("https://tap/", { headers })
  if (answer.status === 429)
    return problem(429, `At most ${LIMITS.tapsMax} taps may be open.`, { headers: { "retry-after": "60" } })
  // Its end, and how much it showed, the audit log hears of the object.
  if (answer.status === 101) audit.lasts = true
  return answer
}

/** Without a WebSocket it is only asked whether it could be opened. */
export function isOpening({ request }: Pick<OpenCall, "request">): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket"
}

/**
 * The filter for the audit log. What was written by hand is only told where it can be nothing but a name: of paths their shape, of
 * headers never the value.
 */
export function tapText(query: TapQuery): string {
  const { from, to, route, method, path, status, slower, header, value } = query
  const told = [
    from && `from ${from}`,
    to && `to ${to}`,
    route && `route ${route}`,
    method && `method ${nameOnly(method)}`,
    path && `path ${nameOnly(scrubPath(path))}`,
    status && `status ${status}`,
    slower !== undefined && `slower than ${slower} ms`,
    header && `header ${nameOnly(header)}${value === undefined ? "" : " of one value"}`,
  ].filter((part) => part)
  return ["tap", ...(told.length > 0 ? told : ["of everything"]), `for ${secondsOf(query)} s`]
    .join(" ")
    .slice(0, TARGET_CHARS_MAX)
}

function nameOnly(text: string): string {
  return /^[\w./-]{1,64}$/.test(text) ? text : "of some kind"
}

function secondsOf({ seconds = LIMITS.tapSeconds }: TapQuery): number {
  return Math.min(seconds, LIMITS.tapSecondsMax)
}

function filterOf({ from, to, route, method, path, status, slower, header, value }: TapQuery): TapFilter {
  return {
    ...(from !== undefined && { from: idOf(from) }),
    ...(to !== undefined && { to: idOf(to) }),
    ...(route !== undefined && { route: route.includes("/") ? route : `default/${route}` }),
    ...(method !== undefined && { method }),
    ...(path !== undefined && { path }),
    ...(status !== undefined && { status }),
    ...(slower !== undefined && { slowerThanMs: slower }),
    ...(header !== undefined && { header: { name: header.toLowerCase(), ...(value !== undefined && { value }) } }),
  }
}

function idOf(service: string): string {
  if (service === PUBLIC || service.includes("/")) return service
  return serviceId("default", service)
}
