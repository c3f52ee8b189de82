import { describe, expect, it } from "vitest"
import { ROOT_NAMESPACE } from "#shared/dialects/istio/workloads.ts"
import type { Target } from "#shared/model/target.ts"
import { complaintsOf } from "#test/shared/dialects/gateway-api/mesh-of.ts"
import { policy, worldWith } from "./objects.ts"

const DENY_ALL = "action: DENY, rules: [{}]"
const OF_KUBERNETES = (name: string, selector: string) => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: ${selector}, ports: [{ port: 80 }] }`

/** What a DENY of this selection covers, and what it says about that. */
function covered(selection: string, namespace = "shop", ...others: readonly string[]) {
  const mesh = worldWith(policy(`{ ${DENY_ALL}${selection && `, ${selection}`} }`, { namespace }), ...others)
  const targets = mesh.snapshot.policies?.map(({ target }) => brief(target)) ?? []
  return { targets, complaints: complaintsOf(mesh), notes: mesh.notes }
}

function brief(target: Target): string {
  if (target.of === "mesh") return "mesh"
  return target.of === "namespace" ? `all of ${target.namespace}` : [...target.services, ...target.gateways].join(" ")
}

describe("without a selector", () => {
  it("a policy is about its namespace, gateways included", () => {
    expect(covered("")).toMatchObject({ targets: ["all of shop"], complaints: [] })
    expect(covered("selector: { matchLabels: {} }").targets).toEqual(["all of shop"])
    expect(covered("", "other").targets).toEqual(["all of other", "other/front"])
  })

  it("a policy of the root namespace is about the whole mesh", () => {
    expect(covered("", ROOT_NAMESPACE).targets).toEqual(["mesh"])
  })
})

describe("a selector", () => {
  it.each([
    ["app: orders", "shop/orders"],
    ["app.kubernetes.io/name: users", "shop/users"],
    ["gateway.networking.k8s.io/gateway-name: front", "other/front"],
    ["istio: ingressgateway", "other/front"],
  ])("%s is known by the name alone", (label, expected) => {
    expect(covered(`selector: { matchLabels: { ${label} } }`, expected.split("/")[0])).toMatchObject({
      targets: [expected],
      complaints: [],
    })
  })

  it("of the root namespace reaches every namespace, and the built-in gateway", () => {
    expect(covered("selector: { matchLabels: { app: orders } }", ROOT_NAMESPACE).targets).toEqual([
      "other/orders shop/orders",
    ])
    expect(covered("selector: { matchLabels: { istio: ingressgateway } }", ROOT_NAMESPACE).targets).toEqual([
      "default/default other/front",
    ])
  })

  it("is compared with what the Service of that name selects", () => {
    const service = OF_KUBERNETES("orders", "{ tier: back, run: orders }")
    expect(covered("selector: { matchLabels: { tier: back } }", "shop", service).targets).toEqual(["shop/orders"])
    expect(covered("selector: { matchLabels: { app: orders } }", "shop", service).targets).toEqual([])
  })

  it("that selects nothing holds nowhere, and says so", () => {
    const { targets, complaints } = covered("selector: { matchLabels: { app: ordres } }")
    expect(targets).toEqual([])
    expect(complaints).toEqual(["invalid AuthorizationPolicy/p spec.selector Accepted NoMatchingWorkload"])
  })

  it("does not take a label of another value for one that is not known", () => {
    const service = OF_KUBERNETES("orders", "{ app: orders, version: v2 }")
    const selector = "selector: { matchLabels: { app: orders, version: v1 } }"
    expect(covered(selector, "shop", service).targets).toEqual([])
  })

  it("of which only a part is known refuses, and lets nobody in", () => {
    const selector = "selector: { matchLabels: { app: orders, version: v1 } }"
    const { targets, complaints } = covered(selector)
    expect(targets).toEqual(["shop/orders"])
    expect(complaints).toEqual(["unsupported AuthorizationPolicy/p spec.selector Accepted UnsupportedValue"])
    const allows = worldWith(policy(`{ ${selector}, rules: [{}] }`)).snapshot.policies
    expect(allows).toMatchObject([{ action: "allow", rules: [], target: { services: ["shop/orders"] } }])
    const denies = worldWith(policy(`{ ${selector}, ${DENY_ALL} }`)).snapshot.policies
    expect(denies).toMatchObject([{ action: "deny", rules: [{ from: [], to: [], when: [] }] }])
  })
})

describe("targetRefs", () => {
  it.each<[string, string[], string?]>([
    ["targetRefs: [{ kind: Service, name: orders }]", ["shop/orders"]],
    ["targetRef: { kind: Service, name: orders }", ["shop/orders"]],
    ["targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: front }]", ["other/front"], "other"],
    [
      "targetRefs: [{ kind: Service, name: orders }, { group: gateway.networking.k8s.io, kind: Gateway, name: front }]",
      ["other/orders other/front"],
      "other",
    ],
  ])("%s", (refs, targets, namespace = "shop") => {
    expect(covered(refs, namespace)).toMatchObject({ targets, complaints: [] })
  })

  it("name all gateways by their class, in the root namespace only", () => {
    const ref = "targetRefs: [{ group: gateway.networking.k8s.io, kind: GatewayClass, name: istio }]"
    expect(covered(ref, ROOT_NAMESPACE).targets).toEqual(["default/default other/front"])
    expect(covered(ref).complaints).toEqual([
      "invalid AuthorizationPolicy/p spec.targetRefs[0] Accepted TargetNotFound",
    ])
  })

  it.each([
    "{ kind: Service, name: order }",
    "{ kind: Service, name: orders, namespace: other }",
    "{ kind: Pod, name: x }",
  ])("that lead nowhere say so: %s", (ref) => {
    const { targets, complaints } = covered(`targetRefs: [${ref}, { kind: Service, name: users }]`)
    expect(targets).toEqual(["shop/users"])
    expect(complaints).toEqual(["invalid AuthorizationPolicy/p spec.targetRefs[0] Accepted TargetNotFound"])
  })
})

it("covers more services than one target holds", () => {
  const names = Array.from({ length: 120 }, (_, index) => `s${index}`)
  const many = `namespace: many\nservices: { ${names.map((name) => `${name}: {}`).join(", ")} }`
  const services = names.map(
    (name) => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: many }
spec: { selector: { team: blue }, ports: [{ port: 80 }] }`,
  )
  const mesh = worldWith(
    policy("{ action: DENY, selector: { matchLabels: { team: blue } }, rules: [{}] }", { namespace: "many" }),
    many,
    ...services,
  )
  const covered = mesh.snapshot.policies!.flatMap(({ target }) => (target.of === "places" ? target.services : []))
  expect(new Set(covered)).toEqual(new Set(names.map((name) => `many/${name}`)))
  expect(new Set(mesh.snapshot.policies!.map(({ id }) => id)).size).toBe(mesh.snapshot.policies!.length)
})
