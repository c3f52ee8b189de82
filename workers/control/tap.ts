/** Opens taps: who may see what is decided here, and all else is the `Tap` object's. */
import { LIMITS } from "#shared/model/limits.ts"
import { serviceId } from "#shared/model/names.ts"
import type { TapFilter } from "#shared/model/tap.ts"
import { TAP, TAP_HEADER, type TapOrder } from "#shared/protocol/tap.ts"
import { isSecretName } from "#shared/std/secret.ts"
import { PUBLIC } from "#shared/telemetry/series.ts"
import type { Call } from "./endpoint.ts"
import { problem } from "./problems.ts"
import type { TapQuery } from "./schemas-tap.ts"

export async function openTap({ env, query, caller, request }: Call<object, TapQuery, undefined>): Promise<Response> {
  if (query.header !== undefined && query.value !== undefined && isSecretName(query.header)) {
    return problem(400, `What ${query.header} says is never shown, and cannot be searched for; leave the value away.`)
  }
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return new Response(null, { status: 204 })
  }
  const seconds = Math.min(query.seconds ?? LIMITS.tapSeconds, LIMITS.tapSecondsMax)
  const order: TapOrder = {
    filter: { ...filterOf(query), ...(caller.namespaces && { namespaces: caller.namespaces }) },
    perSecond: query.rate ?? LIMITS.tapPerSecond,
    endsAtMs: Date.now() + seconds * 1000,
  }
  const headers = { upgrade: "websocket", [TAP_HEADER]: JSON.stringify(order) }
  const answer = await env.TAP.getByName(TAP).fetch("https://tap/", { headers })
  if (answer.status === 429)
    return problem(429, `At most ${LIMITS.tapsMax} taps may be open.`, { headers: { "retry-after": "60" } })
  return answer
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
