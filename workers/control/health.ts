/** Health checks of the mesh: whom a change concerns, and how they stand. */
import { LIMITS } from "#shared/model/limits.ts"
import { endpointsOfAll, placeOf, type Service } from "#shared/model/service.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { clusterOf } from "#shared/protocol/breaker.ts"
import type { HealthStatus, UnhealthyEndpoint } from "#shared/protocol/control-api.ts"
import type { HealthRecord } from "#shared/protocol/health.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"

/** The services whose check, or whose checked places, are not the same in both snapshots; `""` is the empty mesh. */
export function changedChecks(before: string, after: string): string[] {
  const [old, now] = [checksIn(before), checksIn(after)]
  return [...new Set([...old.keys(), ...now.keys()])].filter((id) => old.get(id) !== now.get(id)).sort()
}

function checksIn(text: string): ReadonlyMap<string, string> {
  // Most meshes have none, and a snapshot may be long.
  if (!text.includes('"health":')) return new Map()
  const { services } = JSON.parse(text) as Snapshot
  return new Map(
    services.flatMap((service) => {
      const health = service.policy?.health
      return health ? [[service.id, canonicalJson([health, endpointsOfAll(service).map(placeOf)])]] : []
    }),
  )
}

/** How each service that has a check stands. `records` may tell of services that have none any more. */
export function healthOf(
  services: readonly Service[],
  records: readonly HealthRecord[],
  nowMs: number,
): HealthStatus[] {
  const known = new Map(records.map((record) => [record.service, record]))
  return services.flatMap((service) => {
    const health = service.policy?.health
    if (!health) return []
    const record = known.get(service.id)
    const checked = endpointsOfAll(service).length
    const silent = !record || nowMs - record.heardAtMs > patienceMs(record)
    return [
      {
        service: service.id,
        checked,
        silent,
        ...(record && { heardAtMs: record.heardAtMs }),
        // What is over is heeded by nobody.
        unhealthy: record && !silent ? unhealthyIn(service, health.panicPercent, record) : [],
      },
    ]
  })
}

/** What is to be avoided is said again with every round; that all is well, once in a while. */
function patienceMs({ unhealthy, strict, forMs }: HealthRecord): number {
  return unhealthy.length > 0 || strict ? forMs : Math.max(forMs, 2.5 * LIMITS.healthHeartbeatMs)
}

function unhealthyIn(service: Service, panicPercent: number, { unhealthy }: HealthRecord): UnhealthyEndpoint[] {
  const found = new Map(unhealthy.map((one) => [one.place, one]))
  const clusters = [
    { cluster: clusterOf({ service: service.id }), endpoints: service.endpoints },
    ...Object.values<Service["subsets"][keyof Service["subsets"]]>(service.subsets).map(({ name, endpoints }) => ({
      cluster: clusterOf({ service: service.id, subset: name }),
      endpoints,
    })),
  ]
  return clusters.flatMap(({ cluster, endpoints }) => {
    const out = endpoints.flatMap((endpoint) => found.get(placeOf(endpoint)) ?? [])
    const heeded = (endpoints.length - out.length) * 100 >= panicPercent * endpoints.length
    return out.map(({ place, because, sinceMs }) => ({ cluster, endpoint: place, because, sinceMs, heeded }))
  })
}
