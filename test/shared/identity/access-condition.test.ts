import { describe, expect, it } from "vitest"
import { claimAt, compileCondition, type Stance } from "#shared/identity/access-condition.ts"
import { aSubject, on, type Told } from "./access-build.ts"

/** What a policy that catches and one that permits make of it. */
function judged(attribute: string, values: readonly string[], told: Told): string {
  const holds = (stance: Stance) => compileCondition(on(attribute, ...values), stance)(aSubject(told))
  return `${holds("catches") ? "catches" : "-"} ${holds("permits") ? "permits" : "-"}`
}

const BOTH = "catches permits"
const NEITHER = "- -"

describe("a condition", () => {
  it.each<[string, string[], Told, string]>([
    ["service", ["default/shop"], { from: "default/shop" }, BOTH],
    ["service", ["default/shop"], { from: "team-a/shop" }, NEITHER],
    ["service", ["team-a/*"], { from: "team-a/shop" }, BOTH],
    ["service", ["team-a/*"], { from: "team-ab/shop" }, NEITHER],
    ["service", ["*/shop"], { from: "team-a/shop" }, BOTH],
    ["service", ["*"], { from: "team-a/shop" }, BOTH],
    ["!service", ["*"], { from: "team-a/shop" }, NEITHER],
    ["!service", ["default/shop"], { from: "team-a/shop" }, BOTH],
    ["namespace", ["team-a"], { from: "team-a/shop" }, BOTH],
    ["namespace", ["team*"], { from: "team-a/shop" }, BOTH],
    ["namespace", ["team"], { from: "team-a/shop" }, NEITHER],
    ["workload", ["cluster.local/ns/team-a/sa/shop"], { from: "team-a/shop" }, BOTH],
    ["workload", ["*/sa/shop"], { from: "team-a/shop" }, BOTH],
    ["workload", ["other.domain/ns/team-a/sa/shop"], { from: "team-a/shop" }, NEITHER],
    ["trustDomain", ["cluster.local"], { from: "team-a/shop" }, BOTH],
    ["!trustDomain", ["cluster.local"], { from: "team-a/shop" }, NEITHER],
    ["gateway", ["default/default"], { gateway: "default/default" }, BOTH],
    ["gateway", ["infra/*"], { gateway: "default/default" }, NEITHER],
    ["method", ["GET", "P*"], { method: "PATCH" }, BOTH],
    ["method", ["get"], { method: "GET" }, NEITHER],
    ["!method", ["PUT"], { method: "PUT" }, NEITHER],
    ["port", ["8080"], { port: 8080 }, BOTH],
    ["!port", ["8080"], { port: 80 }, BOTH],
    ["host", ["Shop.Example.com"], { host: "shop.example.com" }, BOTH],
    ["host", ["*.example.com"], { host: "shop.example.com" }, BOTH],
    ["host", ["*.example.com"], { host: "example.com" }, NEITHER],
    ["host", ["prefix.b.*"], { host: "prefix.b.com" }, BOTH],
    ["host", ["shop.test"], { host: "shop.test", port: 8080 }, BOTH],
    ["host", ["shop.test:8080"], { host: "shop.test", port: 8080 }, BOTH],
    ["host", ["shop.test:*"], { host: "shop.test", port: 8080 }, BOTH],
    ["host", ["shop.test:8080"], { host: "shop.test", port: 80 }, NEITHER],
    ["!host", ["deny.b.com"], { host: "allow.b.com" }, BOTH],
    ["path", ["/admin/*", "/metrics"], { path: "/admin/x" }, BOTH],
    ["!path", ["/public/*"], { path: "/public/x" }, NEITHER],
    ["rpc", ["get*", "users.*"], { rpc: "users.get" }, BOTH],
    ["rpc", ["get*"], { rpc: "cancel" }, NEITHER],
    ["key", ["ci"], { key: { id: "ci", owner: "team-a", scopes: ["orders.read", "stock"] } }, BOTH],
    ["keyOwner", ["team-*"], { key: { id: "ci", owner: "team-a", scopes: [] } }, BOTH],
    ["keyScope", ["orders.*"], { key: { id: "ci", owner: "team-a", scopes: ["stock", "orders.read"] } }, BOTH],
    ["!keyScope", ["stock"], { key: { id: "ci", owner: "team-a", scopes: ["stock", "orders.read"] } }, NEITHER],
    ["!keyScope", ["admin"], { key: { id: "ci", owner: "team-a", scopes: [] } }, BOTH],
    ["audience", ["foo"], { audiences: ["buzz", "foo"] }, BOTH],
    ["!audience", ["foo"], { audiences: ["buzz", "foo"] }, NEITHER],
    ["presenter", ["bar"], { presenter: "bar" }, BOTH],
    ["unknowable", ["x"], {}, "catches -"],
    ["!unknowable", ["x"], {}, "catches -"],
  ])("on %s %j of %j: %s", (attribute, values, told, expected) => {
    expect(judged(attribute, values, told)).toBe(expected)
  })

  it.each([
    "service",
    "namespace",
    "workload",
    "trustDomain",
    "gateway",
    "principal",
    "audience",
    "presenter",
    "claim groups",
    "key",
    "keyOwner",
    "keyScope",
    "header x-role",
    "rpc",
  ])("on the absent %s never holds, and turned around only for who refuses", (attribute) => {
    expect(judged(attribute, ["*", "x"], {})).toBe(NEITHER)
    expect(judged(`!${attribute}`, ["*", "x"], {})).toBe("catches -")
    expect(judged("address", ["0.0.0.0/0"], {})).toBe(NEITHER)
    expect(judged("!address", ["0.0.0.0/0"], {})).toBe("catches -")
  })

  it.each(["host", "port", "method", "path", "header x-role"])(
    "on the %s of an RPC call is one on something absent",
    (attribute) => {
      expect(judged(attribute, ["*"], { rpc: "getOrder" })).toBe(NEITHER)
      expect(judged(`!${attribute}`, ["*"], { rpc: "getOrder" })).toBe("catches -")
    },
  )

  it("with a pattern that cannot be read fails closed", () => {
    for (const attribute of ["path", "!path"]) expect(judged(attribute, ["/{**}/{**}", "/"], {})).toBe("catches -")
    for (const attribute of ["address", "!address"]) {
      expect(judged(attribute, ["10.0.0.0/99"], { address: "10.0.0.1" })).toBe("catches -")
    }
  })
})

describe("a header", () => {
  const role = (...values: string[]): Told => ({ headers: values.map((value) => ["x-role", value] as const) })

  it.each<[string, string[], Told, string]>([
    ["header x-role", ["admin"], role("admin"), BOTH],
    ["header x-role", ["adm*"], role("admin"), BOTH],
    ["header x-role", ["admin"], role("Admin"), NEITHER],
    // Two headers, or two values in one: the upstream may read either.
    ["header x-role", ["admin"], role("user", "admin"), "catches -"],
    ["header x-role", ["admin"], role("user,admin"), "catches -"],
    ["header x-role", ["adm*"], role("admin", "user"), "catches -"],
    ["header x-role", ["*min"], role("user", "admin"), "catches -"],
    ["header x-role", ["admin", "user"], role("user", "admin"), BOTH],
    ["header x-role", ["user, admin"], role("user", "admin"), BOTH],
    ["!header x-role", ["admin"], role("user", "admin"), "catches -"],
    ["!header x-role", ["admin"], role("user", "guest"), BOTH],
    ["!header x-role", ["admin", "user"], role("user", "admin"), NEITHER],
    ["!header x-role", ["adm*"], role("admin", "user"), "catches -"],
    // Absent, empty and present are three states.
    ["header x-role", ["*"], role(""), BOTH],
    ["header x-role", [""], role(""), BOTH],
    ["header x-role", [""], {}, NEITHER],
    ["header x-role", ["admin"], role(""), NEITHER],
    ["!header x-role", ["admin"], role(""), BOTH],
    ["!header x-role", ["*"], role(""), NEITHER],
    // Some headers hold commas in their one value.
    ["header user-agent", ["Mozilla*"], { headers: [["user-agent", "Mozilla/5.0 (KHTML, like Gecko)"]] }, BOTH],
    ["header x-agent", ["Mozilla*"], { headers: [["x-agent", "Mozilla/5.0 (KHTML, like Gecko)"]] }, "catches -"],
  ])("%s %j of %j: %s", (attribute, values, told, expected) => {
    expect(judged(attribute, values, told)).toBe(expected)
  })
})

describe("a principal", () => {
  it.each<[string, string, string]>([
    ["https://idp.test/alice", "https://idp.test alice", BOTH],
    ["https://idp.test/*", "https://idp.test alice", BOTH],
    ["https://idp.test/al*", "https://idp.test alice", BOTH],
    ["https://idp.test/al*", "https://idp.test bob", NEITHER],
    ["*", "https://idp.test alice", BOTH],
    ["*/alice", "https://idp.test alice", BOTH],
    ["*ice", "https://idp.test alice", BOTH],
    ["*.test/alice", "https://idp.test alice", BOTH],
    ["idp*", "idp.test alice", BOTH],
    ["https://idp*", "https://idp.test alice", NEITHER],
    ["https://idp.test", "https://idp.test alice", NEITHER],
    ["https://other.test/alice", "https://idp.test alice", NEITHER],
    // A star in the middle is a star.
    ["https://idp.test/*ice", "https://idp.test alice", NEITHER],
    ["*/al*", "https://idp.test alice", NEITHER],
    // A subject with a slash cannot complete another issuer's name.
    ["https://idp.test/tenant/alice", "https://idp.test tenant/alice", NEITHER],
    ["https://idp.test/tenant/*", "https://idp.test tenant/alice", NEITHER],
    ["https://idp.test/*", "https://idp.test tenant/alice", BOTH],
    ["https://idp.test/tenant/alice", "https://idp.test/tenant alice", BOTH],
  ])("%s of %s: %s", (pattern, user, expected) => {
    expect(judged("principal", [pattern], { user })).toBe(expected)
  })

  it("without a subject is nobody", () => {
    expect(judged("principal", ["*"], { user: "https://idp.test" })).toBe(NEITHER)
    expect(judged("!principal", ["*"], { user: "https://idp.test" })).toBe("catches -")
  })
})

describe("a claim", () => {
  const claims = {
    iss: "idp",
    groups: ["dev", "admin"],
    note: "read write",
    verified: true,
    level: 3,
    nothing: null,
    none: [],
    nested: { key: ["a", "b"], "nested-2": { key: "c" } },
  }

  it.each<[string, string[], string]>([
    ["groups", ["admin"], BOTH],
    ["!groups", ["admin"], NEITHER],
    ["!groups", ["root"], BOTH],
    ["note", ["read"], NEITHER],
    ["note", ["read write"], BOTH],
    ["verified", ["true"], BOTH],
    ["level", ["3"], BOTH],
    ["nested key", ["b"], BOTH],
    ["nested nested-2 key", ["c"], BOTH],
    ["nested missing", ["b"], NEITHER],
    ["!nested missing", ["b"], "catches -"],
    ["!nothing", ["x"], "catches -"],
    ["none", ["*"], NEITHER],
    ["!none", ["x"], BOTH],
    ["nested", ["*"], NEITHER],
    ["groups 0", ["dev"], NEITHER],
    ["groups length", ["2"], NEITHER],
    ["constructor name", ["*"], NEITHER],
    ["toString", ["*"], NEITHER],
  ])("%s %j: %s", (path, values, expected) => {
    const attribute = path.startsWith("!") ? `!claim ${path.slice(1)}` : `claim ${path}`
    expect(judged(attribute, values, { claims })).toBe(expected)
  })

  it.each([
    ["claim email", "a@acme.test", BOTH],
    ["claim email", "a@evil@acme.test", "catches -"],
    ["claim email", "a@evil.test", NEITHER],
    ["!claim email", "a@evil@acme.test", "catches -"],
    ["!claim email", "a@acme.test", NEITHER],
  ])("with two domains is of none, and caught all the same: %s %s: %s", (attribute, email, expected) => {
    expect(judged(attribute, ["*@acme.test"], { claims: { email } })).toBe(expected)
  })

  it("is read from own properties only", () => {
    expect(claimAt(claims as never, ["__proto__", "groups"])).toBeUndefined()
    expect(claimAt(claims as never, ["groups", "0"])).toBeUndefined()
  })
})

describe("an address", () => {
  it.each<[string, string[], string, string]>([
    ["address", ["10.0.0.0/8"], "10.1.2.3", BOTH],
    ["address", ["10.0.0.0/8"], "::ffff:10.1.2.3", BOTH],
    ["address", ["10.0.0.0/8"], "11.1.2.3", NEITHER],
    ["address", ["2001:db8::/32", "10.0.0.1"], "10.0.0.1", BOTH],
    ["!address", ["10.0.0.0/8"], "10.1.2.3", NEITHER],
    ["!address", ["10.0.0.0/8"], "11.1.2.3", BOTH],
    ["address", ["10.0.0.0/8"], "10.1.2.3, 8.8.8.8", NEITHER],
    ["!address", ["10.0.0.0/8"], "nonsense", "catches -"],
  ])("%s %j of %s: %s", (attribute, values, address, expected) => {
    expect(judged(attribute, values, { address })).toBe(expected)
  })
})
