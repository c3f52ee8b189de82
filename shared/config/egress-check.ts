/**
 * URLs of this machine in a mesh: reached only where the operator of the Workers allows it. A document cannot, since whoever may
 * write one would else reach what listens beside a self-hosted runtime.
 */
import type { Receiver } from "#shared/model/alerting.ts"
import type { Authentication } from "#shared/model/authentication.ts"
import type { Resource } from "#shared/model/document.ts"
import type { Problem } from "#shared/model/problem.ts"
import type { Endpoint, Service } from "#shared/model/service.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { isLocalUrl, type LocalOrigins, mayLeaveTo } from "#shared/std/egress.ts"
import { complain, quote } from "./complaint.ts"
import { alertingOf } from "./resolve-alerting.ts"

const HINT = "allow it in WEFT_LOCAL_ORIGINS of proxy and control; for development only"

export function checkEgress(
  { services, authentications = [] }: Snapshot,
  resources: readonly Resource[],
  local: LocalOrigins,
): Problem[] {
  if (local === "all") return []
  return [
    ...atServices(services, local),
    ...authentications.flatMap((one) => atIssuers(one, local)),
    ...alertingOf(resources).receivers.flatMap((one) => atReceiver(one, local)),
  ]
}

function atReceiver(receiver: Receiver, local: LocalOrigins): Problem[] {
  if (!("url" in receiver)) return []
  const { id, url } = receiver
  if (!isLocalUrl(url) || mayLeaveTo(url, local)) return []
  const [namespace, name] = id.split("/") as [string, string]
  return [
    {
      path: `receivers.${name}.webhook.url`,
      ...complain("local-address", `${quote(url)} is on this machine, which this mesh may not reach`, HINT),
      resource: { kind: "Receiver", namespace, name },
    },
  ]
}

function atIssuers({ id, tokens }: Authentication, local: LocalOrigins): Problem[] {
  const [namespace, name] = id.split("/") as [string, string]
  return tokens.flatMap(({ keys }, index) => {
    if (keys.kind !== "url" || !isLocalUrl(keys.url) || mayLeaveTo(keys.url, local)) return []
    return {
      path: `authentication.${name}.jwt[${index}].jwks`,
      ...complain("local-address", `${quote(keys.url)} is on this machine, which this mesh may not reach`, HINT),
      resource: { kind: "Authentication", namespace, name },
    }
  })
}

function atServices(services: readonly Service[], local: LocalOrigins): Problem[] {
  return services.flatMap(({ id, endpoints, subsets }) => {
    const all = [...endpoints, ...Object.values(subsets).flatMap((subset) => subset.endpoints)]
    const [namespace, name] = id.split("/") as [string, string]
    return [...new Set(all.flatMap((endpoint) => forbidden(endpoint, local)))].map((url) => ({
      path: `services.${name}`,
      ...complain("local-address", `${quote(url)} is on this machine, which this mesh may not reach`, HINT),
      resource: { kind: "Service", namespace, name },
    }))
  })
}

function forbidden(endpoint: Endpoint, local: LocalOrigins): string[] {
  if (endpoint.kind !== "url" || !isLocalUrl(endpoint.url) || mayLeaveTo(endpoint.url, local)) return []
  return [endpoint.url]
}
