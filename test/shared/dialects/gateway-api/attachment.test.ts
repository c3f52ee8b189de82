import { describe, expect, it } from "vitest"
import { gatewayApi } from "#shared/dialects/gateway-api/index.ts"
import type { Attachment } from "#shared/model/route.ts"
import { complaintsOf, gateway, meshOf, route, service, WORLD } from "./mesh-of.ts"

const RULES = "rules: [{ backendRefs: [{ name: one, port: 80 }] }]"
const all = (...parts: string[]) => parts.join("\n---\n")

/** `infra/web#http *.a.test`. */
function placesOf(attachments: readonly Attachment[] = []): string[] {
  return attachments.map((one) =>
    one.to === "gateway"
      ? `${one.gateway}#${one.listener} ${one.hostname}`
      : [one.service, one.consumers, one.port].filter((part) => part !== undefined).join(" "),
  )
}

function attached(yaml: string, name = "infra/r"): string[] {
  return placesOf(meshOf(yaml).snapshot.routes.find(({ id }) => id === name)?.attachments)
}

describe("a route on a gateway", () => {
  const doors = gateway(
    "doors",
    `[
      { name: any, port: 80, protocol: HTTP },
      { name: wild, port: 80, protocol: HTTP, hostname: "*.a.test" },
      { name: exact, port: 81, protocol: HTTP, hostname: b.a.test },
    ]`,
  )
  it.each([
    ["by all listeners", "parentRefs: [{ name: doors }]", ["any *", "wild *.a.test", "exact b.a.test"]],
    ["by the listener that it names", "parentRefs: [{ name: doors, sectionName: wild }]", ["wild *.a.test"]],
    ["by the port that it names", "parentRefs: [{ name: doors, port: 81 }]", ["exact b.a.test"]],
    [
      "by hostnames in common",
      'parentRefs: [{ name: doors, sectionName: wild }], hostnames: ["x.a.test", "y.test", "*.b.a.test"]',
      ["wild x.a.test", "wild *.b.a.test"],
    ],
    [
      "a wider hostname becomes the listener's",
      'parentRefs: [{ name: doors, sectionName: exact }], hostnames: ["*.a.test"]',
      ["exact b.a.test"],
    ],
  ])("comes in %s", (_, spec, places) => {
    expect(attached(all(WORLD, doors, route("r", `{ ${spec}, ${RULES} }`)))).toEqual(
      places.map((one) => `infra/doors#${one}`),
    )
  })

  it.each([
    ["no such gateway", "parentRefs: [{ name: nowhere }]", "NoMatchingParent"],
    ["no such listener", "parentRefs: [{ name: doors, sectionName: x }]", "NoMatchingParent"],
    [
      "a listener's name with another's port",
      "parentRefs: [{ name: doors, sectionName: any, port: 81 }]",
      "NoMatchingParent",
    ],
    [
      "no hostname in common",
      "parentRefs: [{ name: doors, sectionName: exact }], hostnames: [c.test]",
      "NoMatchingListenerHostname",
    ],
    ["another kind of parent", "parentRefs: [{ name: doors, group: a.io, kind: Door }]", "InvalidKind"],
  ])("is not let in by %s, and says so", (_, spec, reason) => {
    const mesh = meshOf(all(WORLD, doors, route("r", `{ ${spec}, ${RULES} }`)))
    expect(mesh.snapshot.routes).toEqual([])
    expect(complaintsOf(mesh)).toEqual([
      `${reason === "InvalidKind" ? "unsupported" : "invalid"} HTTPRoute/r spec.parentRefs[0] Accepted ${reason}`,
    ])
  })

  it("may be attached to the built-in gateway, which needs no declaration", () => {
    const one = route("r", `{ parentRefs: [{ name: default, namespace: default }], hostnames: [a.test], ${RULES} }`)
    expect(attached(all(WORLD, one))).toEqual(["default/default#undefined a.test"])
  })
})

describe("a gateway lets in", () => {
  const labels = `apiVersion: v1
kind: Namespace
metadata: { name: team, labels: { tier: gold } }`
  it.each([
    ["its own namespace by default", "", "infra", true],
    ["no other", "", "team", false],
    ["every namespace", "namespaces: { from: All }", "team", true],
    ["no namespace", "namespaces: { from: None }", "infra", false],
    [
      "namespaces with a label",
      "namespaces: { from: Selector, selector: { matchLabels: { tier: gold } } }",
      "team",
      true,
    ],
    ["none without it", "namespaces: { from: Selector, selector: { matchLabels: { tier: gold } } }", "infra", false],
    [
      "a namespace by its name",
      "namespaces: { from: Selector, selector: { matchLabels: { kubernetes.io/metadata.name: infra } } }",
      "infra",
      true,
    ],
    [
      "by terms",
      "namespaces: { from: Selector, selector: { matchExpressions: [{ key: tier, operator: In, values: [gold, silver] }, { key: old, operator: DoesNotExist }] } }",
      "team",
      true,
    ],
    [
      "nobody by a term that is not known",
      "namespaces: { from: Selector, selector: { matchExpressions: [{ key: tier, operator: Like, values: [gold] }] } }",
      "team",
      false,
    ],
    ["only kinds that it allows", "kinds: [{ kind: GRPCRoute }]", "infra", false],
    ["and those", "kinds: [{ kind: HTTPRoute }]", "infra", true],
  ])("%s", (_, allowed, namespace, isIn) => {
    const door = gateway("door", `[{ name: http, port: 80, protocol: HTTP, allowedRoutes: { ${allowed} } }]`)
    const spec = `{ parentRefs: [{ name: door, namespace: infra }], rules: [{ backendRefs: [{ name: one, port: 80 }] }] }`
    const mesh = meshOf(all(labels, service("one"), service("one", "team"), door, route("r", spec, namespace)))
    expect(mesh.snapshot.routes).toHaveLength(isIn ? 1 : 0)
    const refused = `invalid HTTPRoute/r spec.parentRefs[0] Accepted NotAllowedByListeners`
    expect(complaintsOf(mesh)).toEqual(isIn ? [] : [refused])
  })

  it("nobody by listeners that are in each other's way: neither wins", () => {
    const door = gateway(
      "door",
      `[
        { name: a, port: 80, protocol: HTTP, hostname: a.test },
        { name: b, port: 80, protocol: HTTP, hostname: a.test },
        { name: c, port: 81, protocol: HTTP },
        { name: d, port: 81, protocol: HTTPS },
        { name: e, port: 80, protocol: HTTP },
        { name: f, port: 90, protocol: TCP },
      ]`,
    )
    const mesh = meshOf(door)
    expect(mesh.snapshot.gateways[0]!.listeners.map(({ name }) => name)).toEqual(["e"])
    expect(complaintsOf(mesh)).toEqual([
      "invalid Gateway/door spec.listeners[0] Conflicted HostnameConflict",
      "invalid Gateway/door spec.listeners[1] Conflicted HostnameConflict",
      "invalid Gateway/door spec.listeners[2] Conflicted ProtocolConflict",
      "invalid Gateway/door spec.listeners[3] Conflicted ProtocolConflict",
      "unsupported Gateway/door spec.listeners[5].protocol Accepted UnsupportedProtocol",
    ])
  })
})

describe("a route on a service", () => {
  const to = (parent: string, namespace = "infra") =>
    all(
      WORLD,
      route(
        "r",
        `{ parentRefs: [{ group: "", kind: Service, ${parent} }], rules: [{ backendRefs: [{ name: one, namespace: infra, port: 80 }] }] }`,
        namespace,
      ),
    )

  it.each([
    ["all callers, in the service's namespace", "name: one", "infra", ["infra/one"]],
    ["its own namespace's callers, in another", "name: one, namespace: infra", "team", ["infra/one team"]],
    ["one port", "name: one, port: 8080", "infra", ["infra/one 8080"]],
  ])("holds for %s", (_, parent, namespace, places) => {
    expect(attached(to(parent, namespace), `${namespace}/r`)).toEqual(places)
  })

  it("needs no grant for another namespace's backend", () => {
    const mesh = meshOf(to("name: one, namespace: infra", "team"))
    expect(mesh.snapshot.routes[0]!.rules[0]!.backends).toEqual([{ service: "infra/one", weight: 1, filters: [] }])
  })

  it("and on a gateway becomes two, where only callers inside may use a backend", () => {
    const parents = `[{ name: web }, { group: "", kind: Service, name: one }]`
    const far = route(
      "r",
      `{ parentRefs: ${parents}, rules: [{ backendRefs: [{ name: far, namespace: team, port: 80 }] }] }`,
    )
    const { routes } = meshOf(all(WORLD, service("far", "team"), far)).snapshot
    expect(routes.map(({ id, rules }) => [id, rules[0]!.backends[0]!.invalid])).toEqual([
      ["infra/r", "reference_not_granted"],
      ["infra/r-mesh", undefined],
    ])
  })

  it("of the other kind does not share a host of a gateway: there the older one keeps it", () => {
    const web = (hosts: string) => `{ parentRefs: [{ name: web }], hostnames: [${hosts}], ${RULES} }`
    const mesh = meshOf(all(WORLD, route("a", web("a.test")), route("b", web("a.test, b.test"), "infra", "GRPCRoute")))
    expect(mesh.snapshot.routes.map(({ attachments }) => placesOf(attachments))).toEqual([
      ["infra/web#http a.test"],
      ["infra/web#http b.test"],
    ])
  })

  it("of the other kind does not share it: it is the GRPCRoute's, whatever their age", () => {
    const parents = `parentRefs: [{ group: "", kind: Service, name: one }]`
    const grpc = route("z", `{ ${parents}, ${RULES} }`, "infra", "GRPCRoute")
    const http = route("h", `{ ${parents}, ${RULES} }`)
    const mesh = meshOf(all(WORLD, http, grpc))
    expect(mesh.snapshot.routes.map(({ id }) => id)).toEqual(["infra/z"])
    expect(complaintsOf(mesh)).toContain("invalid HTTPRoute/h spec.parentRefs[0] Accepted Conflicted")
  })
})

it("one file's Gateway is a gateway of the mesh for native routes too", () => {
  const native = `namespace: infra
services: { own: {} }
routes: { shop: { hosts: [shop.test], gateways: [web], rules: [{ backends: [{ service: own }, { service: one }] }] } }`
  expect(attached(all(WORLD, native), "infra/shop")).toEqual(["infra/web#undefined shop.test"])
  expect(gatewayApi.takes({ apiVersion: "v1", kind: "Service" })).toBe(true)
})
