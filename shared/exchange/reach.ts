/** Which services a request may come to, once its rule is known; and the questions of browsers, which come to none or to all. */
import type { ServiceId } from "#shared/model/names.ts"
import type { Backend } from "#shared/model/route.ts"
import type { Place } from "#shared/model/target.ts"
import type { Entry, Matched } from "#shared/routing/table.ts"
import type { Services } from "./decide.ts"

/** Where a request is judged before anything is decided about it: at its gateway, or at the service that it addresses. */
export function doorOf(entry: Entry): Place {
  return entry.at === "gateway" ? { at: "gateway", gateway: entry.gateway } : { at: "service", service: entry.service }
}

/** Any of the rule's backends, whichever the dice chose, and what stands in for one of them. */
export function servicesReached(
  services: Services | undefined,
  matched: Matched | undefined,
  backend: Backend | undefined,
): Set<ServiceId> {
  const backends = matched?.rule.backends ?? (backend ? [backend] : [])
  const reached = new Set<ServiceId>()
  for (const { service } of backends) {
    reached.add(service)
    const fallback = services?.get(service)?.policy?.breaker?.fallback
    if (fallback?.kind === "service") reached.add(fallback.backend.service)
  }
  return reached
}

/** Those that get copies. */
export function servicesMirrored(matched: Matched | undefined): Set<ServiceId> {
  const filters = matched?.rule.filters ?? []
  return new Set(filters.flatMap((filter) => (filter.kind === "mirror" ? filter.mirror.backend.service : [])))
}

/** Fetch standard: a browser asks before it sends what a page may not send by itself. Such a request carries no credentials. */
export function isPreflight(method: string, headers: Headers): boolean {
  return method === "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method")
}

/** The rule answers preflights itself: none of them comes to a service. */
export function answersPreflights(matched: Matched | undefined): boolean {
  return matched?.rule.filters.some(({ kind }) => kind === "cors") ?? false
}
