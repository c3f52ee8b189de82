import { describe, expect, it } from "vitest"
import { notesOf } from "#shared/config/compile.ts"
import { gatewayApi } from "#shared/dialects/gateway-api/index.ts"
import { complaintsOf, gateway, meshOf, problemsOf, route, routeWith, service, WORLD } from "./mesh-of.ts"

const all = (...parts: string[]) => parts.join("\n---\n")
const backend = (ref: string) => `{ parentRefs: [{ name: web }], rules: [{ backendRefs: [{ ${ref} }] }] }`

describe("a backend", () => {
  it.each([
    ["that nobody declares", "name: gone, port: 80", "service_not_found", "BackendNotFound"],
    ["with a port that its Service has not", "name: one, port: 81", "service_not_found", "BackendNotFound"],
    ["of another kind", "name: one, group: a.io, kind: Bucket", "kind_not_supported", "InvalidKind"],
    [
      "of another namespace, without a grant",
      "name: far, namespace: team, port: 80",
      "reference_not_granted",
      "RefNotPermitted",
    ],
  ])("%s keeps its share and answers 500", (_, ref, invalid, reason) => {
    const mesh = meshOf(all(routeWith(backend(ref)), service("far", "team")))
    expect(mesh.snapshot.routes[0]!.rules[0]!.backends).toMatchObject([{ weight: 1, invalid }])
    expect(complaintsOf(mesh)).toEqual([`invalid HTTPRoute/r spec.rules[0].backendRefs[0] ResolvedRefs ${reason}`])
  })

  const grant = (from: string, to: string, namespace = "team") => `apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: g, namespace: ${namespace} }
spec: { from: [${from}], to: [${to}] }`
  const FROM = "{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: infra }"

  it.each([
    ["all Services", FROM, '{ group: "", kind: Service }', "team", true],
    ["that Service", FROM, '{ group: "", kind: Service, name: far }', "team", true],
    ["another Service", FROM, '{ group: "", kind: Service, name: near }', "team", false],
    ["another kind", FROM, '{ group: "", kind: Secret }', "team", false],
    ["another namespace's routes", FROM.replace("infra", "x"), '{ group: "", kind: Service }', "team", false],
    ["another kind of route", FROM.replace("HTTPRoute", "TCPRoute"), '{ group: "", kind: Service }', "team", false],
    ["its own namespace", FROM, '{ group: "", kind: Service }', "infra", false],
  ])("of another namespace may be used by a grant for %s: %s %s", (_, from, to, namespace, isGranted) => {
    const spec = backend("name: far, namespace: team, port: 80")
    const mesh = meshOf(all(routeWith(spec), service("far", "team"), grant(from, to, namespace)))
    expect(mesh.snapshot.routes[0]!.rules[0]!.backends[0]!.invalid).toBe(
      isGranted ? undefined : "reference_not_granted",
    )
  })

  it("is reached through the binding of its name", () => {
    const { services } = meshOf(WORLD).snapshot
    expect(services[0]).toEqual({
      id: "infra/one",
      endpoints: [{ kind: "binding", binding: "INFRA__ONE" }],
      subsets: {},
      policy: { retryBudget: { ratio: 0.2, perSecondMin: 10 } },
    })
  })

  it("is where a native document of its name says", () => {
    const native = "namespace: infra\nservices: { one: { binding: FIRST } }"
    const { services } = meshOf(all(WORLD, native)).snapshot
    expect(services.map(({ endpoints }) => endpoints[0])).toMatchObject([
      { binding: "FIRST" },
      { binding: "INFRA__TWO" },
    ])
  })

  it("needs no Service of Kubernetes beside a native one", () => {
    const native = "namespace: infra\nservices: { plain: {} }"
    const mesh = meshOf(all(routeWith(backend("name: plain, port: 80")), native))
    expect(complaintsOf(mesh)).toEqual([])
  })

  it.each([
    ["a service", "name: k8s-orders, port: 80", { service: "default/orders" }],
    ["one port's subset", "name: k8s-orders, port: 81", { service: "default/orders", subset: "v2" }],
  ])("has another name in the mesh, where %s says so", (_, ref, expected) => {
    const native = `services:
  orders: { aliases: [infra/k8s-orders], subsets: { v2: { aliases: ["infra/k8s-orders:81"] } } }`
    const mesh = meshOf(all(routeWith(backend(ref)), native))
    expect(mesh.snapshot.routes[0]!.rules[0]!.backends).toMatchObject([expected])
    expect(complaintsOf(mesh)).toEqual([])
  })
})

it("a name that two services claim is the first one's, and the other is told", () => {
  const native = `services:
  b: { aliases: [infra/x] }
  a: { aliases: [infra/x] }`
  const mesh = meshOf(all(routeWith(backend("name: x, port: 80")), native))
  expect(mesh.snapshot.routes[0]!.rules[0]!.backends).toMatchObject([{ service: "default/a" }])
  expect(complaintsOf(mesh)).toEqual(["invalid Service/b aliases Accepted Conflicted"])
})

it("of thousands of notes the worst are told", () => {
  const many = Array.from({ length: 1_100 }, (_, index) => service(`s${index}`))
  const { notes } = meshOf(all(...many, routeWith(backend("name: gone, port: 80"))))
  expect(notes).toHaveLength(1_000)
  expect(notes[0]).toMatchObject({ outcome: "invalid", reason: "BackendNotFound" })
})

describe("objects", () => {
  it("become resources as they were written, without what a server adds", () => {
    const written = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  { name: public.web, namespace: infra, uid: u, generation: 3, managedFields: [], creationTimestamp: null, labels: { a: b } }
spec: { gatewayClassName: weft, listeners: [{ name: http, port: 80, protocol: HTTP }] }
status: { addresses: [] }`
    const { resources, snapshot } = meshOf(written)
    expect(resources).toEqual([
      {
        kind: "Gateway",
        namespace: "infra",
        name: "public.web",
        since: 1,
        spec: {
          apiVersion: "gateway.networking.k8s.io/v1",
          kind: "Gateway",
          metadata: { name: "public.web", namespace: "infra", labels: { a: "b" } },
          spec: { gatewayClassName: "weft", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] },
        },
      },
    ])
    expect(snapshot.gateways[0]!.id).toMatch(/^infra\/public-web-[0-9a-f]{8}$/)
    expect(notesOf(resources)).toHaveLength(1)
  })

  it("may come as a List", () => {
    const items = [service("one"), service("two")].map((one) => `- ${one.replaceAll("\n", "\n  ")}`).join("\n")
    expect(meshOf(`apiVersion: v1\nkind: List\nitems:\n${items}`).resources.map(({ name }) => name)).toEqual([
      "one",
      "two",
    ])
  })

  it.each([
    ["GatewayClass", "gateway.networking.k8s.io/v1", "ignored"],
    ["TCPRoute", "gateway.networking.k8s.io/v1alpha2", "unsupported"],
    ["Deployment", "apps/v1", "ignored"],
    ["EndpointSlice", "discovery.k8s.io/v1", "ignored"],
  ])("of the kind %s are no resources, and said to be none", (kind, apiVersion, outcome) => {
    const mesh = meshOf(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: x }`)
    expect(mesh.resources).toEqual([])
    expect(mesh.notes).toMatchObject([{ kind, namespace: "default", name: "x", outcome, reason: "UnsupportedKind" }])
  })

  it("of a kind that the group does not have are refused, with the nearest one", () => {
    expect(problemsOf("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRout\nmetadata: { name: x }")).toMatchObject(
      [{ rule: "unknown-kind", path: "kind", hint: 'did you mean "HTTPRoute"?' }],
    )
  })

  it("that are declared twice are refused", () => {
    expect(problemsOf(all(service("one"), service("one")))).toMatchObject([{ rule: "duplicate-resource" }])
  })

  it("stand beside native ones of the same name, and their routes get names of their own", () => {
    const native = `namespace: infra
services: { one: {} }
routes: { r: { service: one, rules: [{ backends: [{ service: one }] }] } }`
    const { routes } = meshOf(all(routeWith(backend("name: one, port: 80")), native)).snapshot
    expect(routes.map(({ id }) => id)).toEqual(["infra/r", "infra/r-httproute"])
  })
})

describe("which of two routes is older", () => {
  const named = (name: string, created?: string) =>
    route(name, backend("name: one, port: 80")).replace(
      "namespace: infra }",
      `namespace: infra${created ? `, creationTimestamp: "${created}"` : ""} }`,
    )
  const ages = (mesh: ReturnType<typeof meshOf>) =>
    Object.fromEntries(mesh.snapshot.routes.map(({ id, since }) => [id, since]))

  it("is said by the revision that first held it", () => {
    const first = meshOf(all(WORLD, named("b")))
    expect(ages(meshOf(named("a"), first.resources, 2))).toEqual({ "infra/a": 2, "infra/b": 1 })
  })

  it("is said by their times within one revision, and a route without one is the youngest", () => {
    const mesh = meshOf(all(WORLD, named("a"), named("b", "2026-02-01T00:00:00Z"), named("c", "2026-01-01T00:00:00Z")))
    expect(ages(mesh)).toEqual({ "infra/a": 3, "infra/b": 2, "infra/c": 1 })
  })

  it("puts the revision before the time", () => {
    const first = meshOf(all(WORLD, named("b", "2026-02-01T00:00:00Z")))
    expect(ages(meshOf(named("a", "2020-01-01T00:00:00Z"), first.resources, 2))).toEqual({ "infra/b": 1, "infra/a": 2 })
  })
})

it("a change elsewhere that breaks an object is told", () => {
  const before = meshOf(routeWith(backend("name: one, port: 80")))
  const rest = before.resources.filter(({ kind, name }) => kind !== "CoreService" || name !== "one")
  expect(complaintsOf(meshOf(service("three"), rest, 2))).toEqual([
    "invalid HTTPRoute/r spec.rules[0].backendRefs[0] ResolvedRefs BackendNotFound",
  ])
  expect(gatewayApi.translate([], { services: new Map(), gateways: new Map(), routes: new Set() }).routes).toEqual([])
  expect(gateway("x", "[]")).toContain("Gateway")
})
