import { describe, expect, it } from "vitest"
import { covers } from "#shared/identity/coverage.ts"
import { type GatewayId, gatewayId, type Namespace, type ServiceId, serviceId } from "#shared/model/names.ts"
import type { Place, Target } from "#shared/model/target.ts"

const service = (id: string): Place => ({ at: "service", service: id as ServiceId })
const gateway = (id: string): Place => ({ at: "gateway", gateway: id as GatewayId })
const mesh: Target = { of: "mesh" }
const teamA: Target = { of: "namespace", namespace: "team-a" as Namespace }
const listed: Target = {
  of: "places",
  services: [serviceId("team-a", "orders")],
  gateways: [gatewayId("team-a", "web")],
}

describe("a target", () => {
  it.each<[string, Target, Place, boolean]>([
    ["of the mesh takes every gateway", mesh, gateway("default/default"), true],
    ["of the mesh takes every service", mesh, service("team-b/x"), true],
    ["of a namespace takes its services", teamA, service("team-a/orders"), true],
    ["of a namespace takes no other's", teamA, service("team-ab/orders"), false],
    ["of a namespace takes no gateway", teamA, gateway("team-a/web"), false],
    ["of places takes its services", listed, service("team-a/orders"), true],
    ["of places takes no other service", listed, service("team-a/web"), false],
    ["of places takes its gateways", listed, gateway("team-a/web"), true],
    ["of places takes no other gateway", listed, gateway("team-a/orders"), false],
  ])("%s", (_sentence, target, place, expected) => {
    expect(covers(target, place)).toBe(expected)
  })
})
