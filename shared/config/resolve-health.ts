/** Active health checks with their defaults filled in, and what contradicts itself. */
import type { ServiceDocument } from "#shared/model/document.ts"
import type { HealthCheck, HealthPolicy, StatusRange } from "#shared/model/health.ts"
import type { HealthDocument } from "#shared/model/health-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type Endpoint, placeOf } from "#shared/model/service.ts"
import { parseDuration } from "#shared/std/duration.ts"
import type { Step } from "#shared/std/steps.ts"
import { complain, quote, type Report } from "./complaint.ts"

/** `endpoints` are all that the service has, with where each of them was written. */
export function resolveHealth(
  { health, outlier }: Pick<ServiceDocument, "health" | "outlier">,
  endpoints: readonly { readonly endpoint: Endpoint; readonly path: readonly Step[] }[],
  report: Report,
): HealthPolicy | undefined {
  if (!health) return undefined
  const places = new Set(endpoints.map(({ endpoint }) => placeOf(endpoint)))
  if (places.size > LIMITS.healthPlacesMax) {
    const message = `The service has ${places.size} endpoints; checks are made of at most ${LIMITS.healthPlacesMax}`
    report(["health"], complain("too-many", message, "split the service, or rely on outlier detection"))
  }
  const url = endpoints.find(({ endpoint }) => endpoint.kind === "url")
  if (health.rpc !== undefined && url) {
    const message = "A URL takes no RPC, so that this endpoint cannot be checked by it"
    report(["health", "rpc"], complain("rpc-to-url", message, 'check by "path"'))
  }
  const intervalMs = parseDuration(health.interval ?? "10s")!
  const timeoutMs = parseDuration(health.timeout ?? "1s")!
  if (timeoutMs > intervalMs) {
    const message = `A check may take ${quote(health.timeout ?? "1s")}, longer than the interval between two of them`
    report(["health", "timeout"], complain("timeout-beyond-interval", message, 'make it at most "interval"'))
  }
  return {
    check: checkOf(health),
    intervalMs,
    timeoutMs,
    unhealthyThreshold: health.unhealthyThreshold ?? 3,
    healthyThreshold: health.healthyThreshold ?? 2,
    initial: health.initial ?? "healthy",
    panicPercent: health.panicPercent ?? outlier?.panicPercent ?? 50,
  }
}

function checkOf({ path = "/", method = "GET", expectedStatuses = ["2xx"], rpc }: HealthDocument): HealthCheck {
  if (rpc !== undefined) return { kind: "rpc", method: rpc }
  return { kind: "http", method, path, statuses: expectedStatuses.map(rangeOf) }
}

function rangeOf(status: number | string): StatusRange {
  if (typeof status === "number") return { from: status, to: status }
  const from = Number(status[0]) * 100
  return { from, to: from + 99 }
}
