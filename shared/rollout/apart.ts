/**
 * What an isolate must not mix up while it serves two revisions: of a service or a rate limit that both have, but each in its own way,
 * each keeps its own state. What is the same in both is shared, so that a limit stays the limit of all.
 */
import type { ServiceId } from "#shared/model/names.ts"
import type { RateLimit } from "#shared/model/rate-limit.ts"
import type { Route } from "#shared/model/route.ts"
import type { Service } from "#shared/model/service.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"

/** The services of the candidate that the stable revision does not have, or has otherwise. */
export function servicesApart(
  stable: ReadonlyMap<ServiceId, Service>,
  candidate: ReadonlyMap<ServiceId, Service>,
): ReadonlySet<ServiceId> {
  return new Set([...candidate].filter(([id, service]) => !isSame(stable.get(id), service)).map(([id]) => id))
}

/** The candidate's routes, with another id for each rate limit that the stable revision has otherwise: it counts for itself. */
export function limitsApart(stable: readonly Route[], candidate: readonly Route[], revision: number): readonly Route[] {
  const known = new Map(limitsOf(stable).map((limit) => [limit.id, limit]))
  const isApart = (limit: RateLimit) => known.has(limit.id) && !isSame(known.get(limit.id), limit)
  if (!limitsOf(candidate).some(isApart)) return candidate
  return candidate.map((route) => ({
    ...route,
    rules: route.rules.map((rule) => ({
      ...rule,
      ...(rule.rateLimits && {
        rateLimits: rule.rateLimits.map((limit) =>
          isApart(limit) ? { ...limit, id: `${limit.id}@${revision}` } : limit,
        ),
      }),
    })),
  }))
}

function limitsOf(routes: readonly Route[]): RateLimit[] {
  return routes.flatMap(({ rules }) => rules.flatMap(({ rateLimits }) => rateLimits ?? []))
}

function isSame(a: object | undefined, b: object): boolean {
  return a !== undefined && canonicalJson(a) === canonicalJson(b)
}
