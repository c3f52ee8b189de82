import { describe, expect, it } from "vitest"
import { istio } from "#shared/dialects/istio/index.ts"
import { problemsOf, service } from "#test/shared/dialects/gateway-api/mesh-of.ts"
import { authentication, policy, world, worldWith } from "./objects.ts"

const rules = (rule: string) => policy(`{ rules: [${rule}] }`)

describe("objects that are not Istio's", () => {
  it.each([[{}], [null], ["text"], [{ apiVersion: 1, kind: "x" }], [{ apiVersion: "v1", kind: "Service" }]])(
    "%j are left to others",
    (content) => {
      expect(istio.takes(content)).toBe(false)
    },
  )
})

describe("objects that Istio would refuse, or would leave out in silence", () => {
  it.each<[string, string, string]>([
    ["an unknown action", policy("{ action: REFUSE }"), "spec.action"],
    ["an unknown field", policy("{ rule: [] }"), "spec.rule"],
    [
      "a misspelt condition",
      rules("{ from: [{ source: { principal: [a] } }] }"),
      "spec.rules[0].from[0].source.principal",
    ],
    ["an unknown attribute", rules("{ when: [{ key: request.header, values: [a] }] }"), "spec.rules[0].when[0].key"],
    ["a condition without values", rules("{ when: [{ key: source.ip }] }"), "spec.rules[0].when[0]"],
    ["an empty value", rules('{ to: [{ operation: { paths: [""] } }] }'), "spec.rules[0].to[0].operation.paths[0]"],
    [
      "no network",
      rules("{ from: [{ source: { ipBlocks: [10.0.0.0/33] } }] }"),
      "spec.rules[0].from[0].source.ipBlocks[0]",
    ],
    ["no address", rules("{ when: [{ key: remote.ip, values: [x] }] }"), "spec.rules[0].when[0]"],
    ["no port", rules('{ to: [{ operation: { ports: ["http"] } }] }'), "spec.rules[0].to[0].operation.ports[0]"],
    [
      "a template that cannot be",
      rules('{ to: [{ operation: { paths: ["/{**}/{**}"] } }] }'),
      "spec.rules[0].to[0].operation.paths[0]",
    ],
    [
      "an account with a star",
      rules('{ from: [{ source: { serviceAccounts: ["*"] } }] }'),
      "spec.rules[0].from[0].source.serviceAccounts[0]",
    ],
    ["CUSTOM without a provider", policy("{ action: CUSTOM, rules: [{}] }"), "spec"],
    ["a provider without CUSTOM", policy("{ provider: { name: x }, rules: [{}] }"), "spec"],
    [
      "a selector beside a reference",
      policy("{ selector: {}, targetRefs: [{ kind: Service, name: orders }] }"),
      "spec",
    ],
    [
      "keys from two places",
      authentication("{ jwtRules: [{ issuer: a, jwks: x, jwksUri: 'https://x.example' }] }"),
      "spec.jwtRules[0]",
    ],
    ["a rule without issuer", authentication("{ jwtRules: [{ jwks: x }] }"), "spec.jwtRules[0]"],
  ])("%s", (_, object, path) => {
    const problems = problemsOf(world(object))
    expect(problems).toHaveLength(1)
    expect(problems[0]!.path.startsWith(path)).toBe(true)
  })

  it("refuse an unknown kind with a hint", () => {
    const [problem] = problemsOf(world(policy("{}").replace("AuthorizationPolicy", "AuthorisationPolicy")))
    expect(problem).toMatchObject({ path: "kind", hint: 'did you mean "AuthorizationPolicy"?' })
  })
})

it("notes that transport security is always there", () => {
  const object = policy("{ mtls: { mode: DISABLE } }").replace("AuthorizationPolicy", "PeerAuthentication")
  expect(worldWith(object).notes).toMatchObject([{ kind: "PeerAuthentication", outcome: "ignored" }])
})

describe("a List", () => {
  const indent = (object: string) => object.replace(/^/gm, "    ").replace(/^ {4}/, "  - ")
  const listOf = (...objects: readonly string[]) =>
    `apiVersion: v1\nkind: List\nitems:\n${objects.map(indent).join("\n")}`

  it("may mix the objects of several systems", () => {
    const { snapshot, resources } = worldWith(listOf(service("one", "shop"), policy("{ rules: [{}] }")))
    expect(snapshot.policies).toHaveLength(1)
    expect(resources.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["CoreService", "AuthorizationPolicy"]))
  })

  it("tells which of its items is wrong", () => {
    const problems = problemsOf(world(listOf(service("one", "shop"), policy("{ action: NO }"))))
    expect(problems.map(({ path }) => path)).toEqual(["items[1].spec.action"])
  })

  it("of one kind only, and within another", () => {
    const inner = `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicyList\nitems:\n${indent(policy("{}"))}`
    expect(worldWith(inner).snapshot.policies).toHaveLength(1)
    expect(worldWith(listOf(inner)).snapshot.policies).toHaveLength(1)
  })
})

it("takes objects as a cluster's server gives them back", () => {
  const metadata = 'uid: "1", resourceVersion: "7", generation: 2, labels: null, annotations: { a: b }'
  expect(
    worldWith(`${policy("{ rules: [{}] }", { metadata })}\nstatus: { conditions: [] }`).snapshot.policies,
  ).toHaveLength(1)
})
