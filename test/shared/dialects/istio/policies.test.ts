import { describe, expect, it } from "vitest"
import { AccessTable } from "#shared/identity/access.ts"
import { serviceId } from "#shared/model/names.ts"
import { complaintsOf } from "#test/shared/dialects/gateway-api/mesh-of.ts"
import { aSubject, type Told } from "#test/shared/identity/access-build.ts"
import { policy, worldWith } from "./objects.ts"

const ORDERS = { at: "service", service: serviceId("shop", "orders") } as const

/** What becomes of a request to `shop/orders` where these are the policies. */
function decided(told: Told, ...specs: readonly string[]): string {
  const { policies = [] } = worldWith(...specs.map((spec, index) => policy(spec, { name: `p${index}` }))).snapshot
  const guards = new AccessTable(policies).at(ORDERS)
  const asked = guards?.authorizers(aSubject(told)) ?? []
  if (asked.length > 0) return `ask ${asked.map(({ authorizer }) => authorizer.service).join(" ")}`
  const verdict = guards?.judge(aSubject(told))
  return verdict ? `${verdict.why} ${verdict.by.join(" ")}`.trim() : "open"
}

describe("actions", () => {
  it.each<[string, string, Told, string]>([
    ["ALLOW by default", "{ rules: [{}] }", {}, "allow shop/p0/0"],
    ["ALLOW of nobody", "{}", {}, "no-allow shop/p0"],
    ["an empty list of rules is none", "{ action: ALLOW, rules: [] }", {}, "no-allow shop/p0"],
    [
      "DENY",
      "{ action: DENY, rules: [{ to: [{ operation: { paths: [/admin*] } }] }] }",
      { path: "/admin/x" },
      "deny shop/p0/0",
    ],
    ["DENY of nothing", "{ action: DENY }", {}, "open"],
    ["AUDIT decides nothing", "{ action: AUDIT, rules: [{}] }", {}, "open"],
    [
      "CUSTOM asks the service of its name",
      "{ action: CUSTOM, provider: { name: users }, rules: [{}] }",
      {},
      "ask shop/users",
    ],
    ["CUSTOM without rules asks about nothing", "{ action: CUSTOM, provider: { name: users } }", {}, "open"],
    [
      "CUSTOM of an unknown provider refuses",
      "{ action: CUSTOM, provider: { name: nobody }, rules: [{}] }",
      {},
      "deny shop/p0/0",
    ],
  ])("%s", (_, spec, told, expected) => {
    expect(decided(told, spec)).toBe(expected)
  })

  it("say what becomes of them", () => {
    const { notes } = worldWith(policy("{ action: DENY, rules: [{}, {}] }"), policy("{}", { name: "none" }))
    expect(notes.map(({ name, message }) => `${name} ${message}`)).toEqual(["none ALLOW: nobody", "p DENY: 2 rules"])
  })

  it("look for a provider in the policy's namespace, then in Istio's own", () => {
    const system = "namespace: istio-system\nservices: { users: {}, ext: {} }"
    const of = (name: string) => {
      const mesh = worldWith(policy(`{ action: CUSTOM, provider: { name: ${name} }, rules: [{}] }`), system)
      return mesh.snapshot.policies![0]
    }
    expect(of("users")).toMatchObject({ authorizer: { service: "shop/users", whenUnavailable: "deny" } })
    expect(of("ext")).toMatchObject({ authorizer: { service: "istio-system/ext" } })
  })

  it("complain of a provider that is not there", () => {
    const mesh = worldWith(policy("{ action: CUSTOM, provider: { name: nobody }, rules: [{}] }"))
    expect(complaintsOf(mesh)).toEqual(["invalid AuthorizationPolicy/p spec.provider Accepted ProviderNotFound"])
  })
})

describe("a dry run", () => {
  const tried = (spec: string) => worldWith(policy(spec, { metadata: 'annotations: { istio.io/dry-run: "true" }' }))

  it("decides nothing", () => {
    expect(tried("{ action: DENY, rules: [{}] }").snapshot.policies).toMatchObject([{ action: "deny", dryRun: true }])
  })

  it.each(["AUDIT", "CUSTOM, provider: { name: users }"])("of %s is left out, and says so", (action) => {
    const mesh = tried(`{ action: ${action}, rules: [{}] }`)
    expect(mesh.snapshot.policies).toBeUndefined()
    expect(complaintsOf(mesh)).toEqual([
      'unsupported AuthorizationPolicy/p metadata.annotations["istio.io/dry-run"] Accepted UnsupportedValue',
    ])
  })
})

it("share the names of native policies without taking them", () => {
  const native = "namespace: shop\npolicies: { p: { services: [orders], action: deny, rules: [{}] } }"
  const { policies = [] } = worldWith(policy("{ rules: [{}] }"), native).snapshot
  expect(policies.map(({ id, action }) => `${id} ${action}`)).toEqual(["shop/p deny", "shop/p-2 allow"])
})

describe("rules", () => {
  const allows = (rule: string, told: Told) => decided(told, `{ rules: [${rule}] }`).startsWith("allow")
  const denies = (rule: string, told: Told) => decided(told, `{ action: DENY, rules: [${rule}] }`).startsWith("deny")
  const from = (source: string) => `{ from: [{ source: { ${source} } }] }`
  const to = (operation: string) => `{ to: [{ operation: { ${operation} } }] }`
  const when = (key: string, rest: string) => `{ when: [{ key: "${key}", ${rest} }] }`

  it.each<[string, Told, Told]>([
    [from("principals: [cluster.local/ns/shop/sa/users]"), { from: "shop/users" }, { from: "other/users" }],
    [from('principals: ["*/sa/users"]'), { from: "other/users" }, { from: "other/orders" }],
    [from('principals: ["*"]'), { from: "other/users" }, {}],
    [from("notPrincipals: [cluster.local/ns/shop/sa/users]"), { from: "other/users" }, { from: "shop/users" }],
    [from("namespaces: [shop]"), { from: "shop/users" }, { from: "other/users" }],
    [from("notNamespaces: [shop]"), { from: "other/users" }, { from: "shop/users" }],
    [from("serviceAccounts: [users]"), { from: "shop/users" }, { from: "other/users" }],
    [from("serviceAccounts: [other/users]"), { from: "other/users" }, { from: "shop/users" }],
    [from("notServiceAccounts: [users]"), { from: "other/users" }, { from: "shop/users" }],
    [from("trustDomains: [cluster.local]"), { from: "other/users" }, {}],
    [from("requestPrincipals: [iss/sub]"), { user: "iss sub" }, { user: "iss other" }],
    [from('requestPrincipals: ["*"]'), { user: "iss sub" }, {}],
    [from("notRequestPrincipals: [iss/sub]"), { user: "iss other" }, { user: "iss sub" }],
    [from("remoteIpBlocks: [198.51.100.0/24]"), { address: "198.51.100.7" }, { address: "203.0.113.1" }],
    [from("notRemoteIpBlocks: [198.51.100.0/24]"), { address: "203.0.113.1" }, { address: "198.51.100.7" }],
    [to("hosts: [Orders.example]"), { host: "orders.example" }, { host: "users.example" }],
    [to('hosts: ["orders.example:*"]'), { host: "orders.example" }, { host: "users.example" }],
    [to("notHosts: [orders.example]"), { host: "users.example" }, { host: "orders.example" }],
    [to('ports: ["8080"]'), { port: 8080 }, { port: 80 }],
    [to('notPorts: ["8080"]'), { port: 80 }, { port: 8080 }],
    [to("methods: [GET]"), { method: "GET" }, { method: "get" }],
    [to("notMethods: [GET]"), { method: "PUT" }, { method: "GET" }],
    [to("paths: [/a]"), { path: "/a" }, { path: "/a/" }],
    [to("paths: [/a/*]"), { path: "/a/b" }, { path: "/a" }],
    [to('paths: ["/a/{*}/c"]'), { path: "/a/b/c" }, { path: "/a/b/b/c" }],
    [to('paths: ["/a/{**}"]'), { path: "/a/b/c" }, { path: "/b" }],
    [to("paths: [/a//b]"), { path: "/a/b" }, { path: "/a" }],
    [to("notPaths: [/a*]"), { path: "/b" }, { path: "/ab" }],
    [when("request.headers[X-Role]", "values: [admin]"), { headers: [["x-role", "admin"]] }, {}],
    [when("request.headers[x-role]", 'values: ["*"]'), { headers: [["x-role", ""]] }, {}],
    [
      when("request.headers[x-role]", "notValues: [admin]"),
      { headers: [["x-role", "user"]] },
      { headers: [["x-role", "admin"]] },
    ],
    [when("source.namespace", "values: [shop]"), { from: "shop/users" }, { from: "other/users" }],
    [when("source.principal", 'values: ["*/sa/users"]'), { from: "shop/users" }, { from: "shop/orders" }],
    [when("source.trustDomain", "values: [cluster.local]"), { from: "shop/users" }, {}],
    [when("remote.ip", "values: [198.51.100.7]"), { address: "198.51.100.7" }, {}],
    [when("request.auth.principal", "values: [iss/sub]"), { user: "iss sub" }, {}],
    [when("request.auth.audiences", "values: [web]"), { audiences: ["app", "web"] }, { audiences: ["app"] }],
    [when("request.auth.presenter", "values: [web]"), { presenter: "web" }, { presenter: "app" }],
    [
      when("request.auth.claims[groups]", "values: [staff]"),
      { claims: { groups: ["x", "staff"] } },
      { claims: { groups: ["x"] } },
    ],
    [when("request.auth.claims[a][b]", "values: [c]"), { claims: { a: { b: "c" } } }, { claims: { "a.b": "c" } }],
    [when("destination.port", 'values: ["8080"]'), { port: 8080 }, {}],
  ])("%s", (rule, takes, leaves) => {
    expect([allows(rule, takes), allows(rule, leaves)]).toEqual([true, false])
    expect([denies(rule, takes), denies(rule, leaves)]).toEqual([true, false])
  })

  it.each([
    when("destination.ip", "values: [10.0.0.1]"),
    when("destination.ip", "notValues: [10.0.0.1]"),
    when("connection.sni", "values: [a.example]"),
    when("experimental.envoy.filters.network.mysql_proxy[db.table]", 'values: ["[select]"]'),
    from('namespaces: ["sh*p"]'),
    from('notNamespaces: ["sh*p"]'),
  ])("what cannot be known lets nobody in, and refuses everybody: %s", (rule) => {
    const told = { from: "shop/users" }
    expect([allows(rule, told), denies(rule, told)]).toEqual([false, true])
    expect(complaintsOf(worldWith(policy(`{ rules: [${rule}] }`)))).toHaveLength(1)
  })

  it("with an attribute that is absent let nobody in who is only not somebody else", () => {
    const rule = from("notRequestPrincipals: [iss/sub]")
    expect([allows(rule, {}), denies(rule, {})]).toEqual([false, true])
  })

  it("say where an address cannot be had", () => {
    const { notes } = worldWith(policy(`{ rules: [${from("ipBlocks: [10.0.0.0/8]")}] }`))
    expect(notes.map(({ path }) => path)).toContain("spec.rules[0].from[0].source")
    const gateway = "targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: front }]"
    const quiet = worldWith(
      policy(`{ ${gateway}, rules: [${from("ipBlocks: [10.0.0.0/8]")}] }`, { namespace: "other" }),
    )
    expect(quiet.notes.map(({ path }) => path)).toEqual([""])
  })

  it("say which paths no request has, and which are compared in another form", () => {
    const { notes } = worldWith(policy(`{ rules: [${to("paths: [/a%2Fb, /a//b]")}] }`))
    expect(notes.filter(({ path }) => path !== "").map(({ path, outcome }) => `${path} ${outcome}`)).toEqual([
      "spec.rules[0].to[0].operation.paths[0] invalid",
      "spec.rules[0].to[0].operation.paths[1] applied",
    ])
  })
})
