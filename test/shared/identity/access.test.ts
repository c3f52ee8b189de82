import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AccessTable, type Verdict } from "#shared/identity/access.ts"
import type { AccessPolicy } from "#shared/model/access-policy.ts"
import { policyId } from "#shared/model/names.ts"
import type { Place, Target } from "#shared/model/target.ts"
import { aPolicy, aRule, aSubject, FRONT, ORDERS, on, type Told, taking } from "./access-build.ts"
import { aRandomPolicy, aRandomRequest, PLACES, somePolicies } from "./access-random.ts"
import { decideByReference, isAllowed, takenByReference } from "./access-reference.ts"

function judge(policies: readonly AccessPolicy[], told: Told = {}, place: Place = ORDERS): Verdict {
  return new AccessTable(policies).at(place)?.judge(aSubject(told)) ?? { allowed: true, why: "open", by: [] }
}

const NOBODY = aPolicy("allow", "nobody")
const EVERYBODY = aPolicy("allow", "everybody", aRule())
const SHOP_ONLY = aPolicy("allow", "shop-only", taking(on("service", "default/shop")))
const NO_ADMIN = aPolicy("deny", "no-admin", taking(on("path", "/admin", "/admin/*")))

function aDefault(verdict: "allow" | "deny", target: Target): AccessPolicy {
  return { id: policyId("default", `${verdict}-${target.of}`), target, action: "default", verdict }
}
const MESH: Target = { of: "mesh" }
const SPACE = { of: "namespace", namespace: "default" } as Target
const SERVICE = { of: "places", services: ["default/orders"], gateways: [] } as unknown as Target

describe("policies", () => {
  it.each<[string, AccessPolicy[], Told, string]>([
    ["none: everything is open", [], {}, "open"],
    ["deny alone leaves the rest open", [NO_ADMIN], { path: "/" }, "open"],
    ["deny", [NO_ADMIN], { path: "/admin/x" }, "deny default/no-admin/0"],
    ["deny before allow", [EVERYBODY, NO_ADMIN], { path: "/admin" }, "deny default/no-admin/0"],
    ["allow by one of several", [NOBODY, EVERYBODY], {}, "allow default/everybody/0"],
    ["allow with no rules allows nothing", [NOBODY], {}, "no-allow default/nobody"],
    [
      "allow, and none does",
      [SHOP_ONLY, NOBODY],
      { from: "default/other" },
      "no-allow default/shop-only default/nobody",
    ],
    ["allow", [SHOP_ONLY], { from: "default/shop" }, "allow default/shop-only/0"],
    ["deny with an empty rule denies everything", [aPolicy("deny", "all", aRule())], {}, "deny default/all/0"],
    ["deny with no rules denies nothing", [aPolicy("deny", "none")], {}, "open"],
    ["the second rule", [aPolicy("deny", "two", taking(on("method", "PUT")), aRule())], {}, "deny default/two/1"],
    ["default deny", [aDefault("deny", MESH)], {}, "default default/deny-mesh"],
    [
      "default deny is no match for an allow",
      [aDefault("deny", MESH), SHOP_ONLY],
      { from: "default/shop" },
      "allow default/shop-only/0",
    ],
    [
      "an allow that does not match is no match for default allow",
      [aDefault("allow", MESH), SHOP_ONLY],
      {},
      "no-allow default/shop-only",
    ],
    ["the narrower default", [aDefault("deny", MESH), aDefault("allow", SPACE)], {}, "default default/allow-namespace"],
    ["the narrowest default", [aDefault("allow", SPACE), aDefault("deny", SERVICE)], {}, "default default/deny-places"],
    ["among equals deny", [aDefault("allow", SPACE), aDefault("deny", SPACE)], {}, "default default/deny-namespace"],
    ["deny beside default deny", [aDefault("deny", MESH), NO_ADMIN], { path: "/" }, "default default/deny-mesh"],
  ])("%s", (_what, policies, told, expected) => {
    const { why, by } = judge(policies, told)
    expect([why, ...by].join(" ")).toBe(expected)
  })

  it("need one of `from`, one of `to` and all of `when`", () => {
    const rule = aRule({
      from: [[on("service", "default/shop"), on("!namespace", "x")], [on("principal", "idp/*")]],
      to: [[on("method", "GET")], [on("path", "/open")]],
      when: [on("header x-a", "1"), on("header x-b", "2")],
    })
    const policy = aPolicy("allow", "all", rule)
    const headers = [
      ["x-a", "1"],
      ["x-b", "2"],
    ] as const
    const fits = { from: "default/shop", method: "GET", headers }
    const allowed = (told: Told) => judge([policy], told).allowed
    expect(allowed(fits)).toBe(true)
    expect(allowed({ ...fits, from: "default/other" })).toBe(false)
    expect(allowed({ ...fits, from: "default/other", user: "idp alice" })).toBe(true)
    expect(allowed({ ...fits, method: "POST" })).toBe(false)
    expect(allowed({ ...fits, method: "POST", path: "/open" })).toBe(true)
    expect(allowed({ ...fits, headers: [headers[0]] })).toBe(false)
  })

  it("hold where they are attached, and nowhere else", () => {
    const table = (target: Target) =>
      new AccessTable([{ id: policyId("default", "x"), target, action: "deny", rules: [aRule()] }])
    const covered = (target: Target) => [...PLACES].map((place) => table(target).at(place) !== undefined)
    expect(covered(MESH)).toEqual([true, true, true])
    expect(covered(SPACE)).toEqual([true, false, false])
    expect(covered(SERVICE)).toEqual([true, false, false])
    expect(covered({ of: "places", services: [], gateways: ["default/default"] } as never)).toEqual([
      false,
      false,
      true,
    ])
    expect(new AccessTable([]).at(FRONT)).toBeUndefined()
  })

  it("judge a path with parameters in both of its readings", () => {
    const denied = (path: string) => !judge([NO_ADMIN], { path }).allowed
    expect(
      ["/admin;x=y/action", "/admin;x", "/admin%3Bx/y", "/a/..%3B/admin", "/;/admin"].filter((path) => !denied(path)),
    ).toEqual([])
    expect(["/admins;x", "/a;x=/admin", "/a;/b"].filter(denied)).toEqual(["/a;x=/admin"].filter(denied))
    const publicOnly = aPolicy("allow", "public", taking(on("path", "/public/*")))
    expect(judge([publicOnly], { path: "/public/a;v=1" }).allowed).toBe(true)
    expect(judge([publicOnly], { path: "/public/..%3Bx/admin" }).allowed).toBe(false)
    const except = aPolicy("deny", "except", taking(on("path", "/admin*"), on("!path", "/admin/login")))
    expect(judge([except], { path: "/admin/login" }).allowed).toBe(true)
    expect(judge([except], { path: "/admin/login;x" }).allowed).toBe(false)
  })

  it("judge an RPC call by what it has", () => {
    const cancel = aPolicy("deny", "cancel", taking(on("rpc", "cancel*")))
    expect(judge([cancel], { rpc: "cancelAll" }).allowed).toBe(false)
    expect(judge([cancel], { rpc: "get" }).allowed).toBe(true)
    expect(judge([NO_ADMIN], { rpc: "admin" }).allowed).toBe(true)
    expect(judge([aPolicy("deny", "not-get", taking(on("!method", "GET")))], { rpc: "get" }).allowed).toBe(false)
    expect(judge([aPolicy("allow", "get", taking(on("method", "GET")))], { rpc: "get" }).allowed).toBe(false)
    expect(judge([SHOP_ONLY], { rpc: "get", from: "default/shop" }).allowed).toBe(true)
  })

  it("in a dry run decide nothing, and say what they would", () => {
    const dry = (policy: AccessPolicy) => ({ ...policy, dryRun: true }) as AccessPolicy
    const guards = new AccessTable([dry(NO_ADMIN), dry(SHOP_ONLY)]).at(ORDERS)!
    const admin = aSubject({ path: "/admin" })
    expect(guards.judge(admin)).toEqual({ allowed: true, why: "open", by: [] })
    expect(guards.rehearse(admin)).toEqual({ allowed: false, why: "deny", by: ["default/no-admin/0"] })
    expect(guards.rehearse(aSubject({ from: "default/shop" }))).toMatchObject({ allowed: true, why: "allow" })
    expect(guards.rehearse(aSubject())).toMatchObject({ allowed: false, why: "no-allow", by: ["default/shop-only"] })
    expect(new AccessTable([NO_ADMIN]).at(ORDERS)!.rehearse(admin)).toBeUndefined()
    const closing = new AccessTable([dry(aDefault("deny", SERVICE)), aDefault("allow", MESH)]).at(ORDERS)!
    expect([closing.judge(admin).allowed, closing.rehearse(admin)?.allowed]).toEqual([true, false])
  })

  it("that audit only say so", () => {
    const guards = new AccessTable([aPolicy("audit", "admin", taking(on("path", "/admin*")))]).at(ORDERS)!
    expect(guards.audit(aSubject({ path: "/admin" }))).toEqual(["default/admin/0"])
    expect(guards.audit(aSubject({ path: "/x;/admin" }))).toEqual([])
    expect(guards.audit(aSubject({ path: "/;x/admin" }))).toEqual(["default/admin/0"])
    expect(guards.judge(aSubject({ path: "/admin" })).why).toBe("open")
  })
})

describe("the compiled table", () => {
  it("decides as every policy read one after the other does", () => {
    const seen = new Map<string, number>()
    let compared = 0
    fc.assert(
      fc.property(somePolicies, fc.array(aRandomRequest, { minLength: 40, maxLength: 40 }), (policies, requests) => {
        const table = new AccessTable(policies)
        for (const told of requests) {
          for (const place of PLACES) {
            compared += 1
            const guards = table.at(place)
            const subject = aSubject(told)
            const verdict = guards?.judge(subject) ?? { allowed: true, why: "open" as const }
            const expected = decideByReference(policies, place, told)
            seen.set(expected, (seen.get(expected) ?? 0) + 1)
            const found = {
              verdict: WORDS[`${verdict.why} ${verdict.allowed}`],
              rehearsed: guards?.rehearse(subject)?.allowed ?? verdict.allowed,
              audited: guards?.audit(subject).map((rule) => rule.replace(/\/\d+$/, "")) ?? [],
              asked: guards?.authorizers(subject).map(({ id }) => id) ?? [],
            }
            const wanted = {
              verdict: expected,
              rehearsed: isAllowed(decideByReference(policies, place, told, true)),
              audited: takenByReference(policies, "audit", place, told),
              asked: takenByReference(policies, "custom", place, told),
            }
            if (JSON.stringify(found) !== JSON.stringify(wanted))
              expect({ told, place, ...found }).toEqual({ told, place, ...wanted })
          }
        }
      }),
      { numRuns: 300 },
    )
    expect(compared).toBeGreaterThanOrEqual(30_000)
    // The comparison says something only if everything happens often.
    for (const word of Object.values(WORDS))
      expect({ word, often: (seen.get(word) ?? 0) > 1_000 }).toEqual({ word, often: true })
  })
})

const WORDS: { readonly [why: string]: string } = {
  "open true": "open",
  "deny false": "denied",
  "allow true": "allowed",
  "no-allow false": "not allowed",
  "default false": "default deny",
  "default true": "default allow",
}

describe("laws", () => {
  const allowed = (policies: readonly AccessPolicy[], told: Told, place: Place) => judge(policies, told, place).allowed
  const place = fc.constantFrom(...PLACES)

  it("a policy that refuses never lets more in", () => {
    fc.assert(
      fc.property(somePolicies, aRandomPolicy, aRandomRequest, place, (policies, one, told, at) => {
        fc.pre(one.action === "deny")
        if (allowed([...policies, one], told, at)) expect(allowed(policies, told, at)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  it("what allows, where something allows already, never lets less in", () => {
    fc.assert(
      fc.property(somePolicies, aRandomPolicy, aRandomRequest, place, (policies, one, told, at) => {
        fc.pre(one.action === "allow" && !("dryRun" in one))
        const before = [...policies, NOBODY]
        if (allowed(before, told, at)) expect(allowed([...before, one], told, at)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  it("the order of policies is of no matter", () => {
    fc.assert(
      fc.property(somePolicies, aRandomRequest, place, fc.infiniteStream(fc.nat(100)), (policies, told, at, ranks) => {
        const shuffled = policies
          .map((policy) => [ranks.next().value!, policy] as const)
          .sort(([a], [b]) => a - b)
          .map(([, policy]) => policy)
        expect(allowed(shuffled, told, at)).toBe(allowed(policies, told, at))
      }),
      { numRuns: 1_000 },
    )
  })

  it("under a default that denies nothing passes that no policy allows, whatever denies besides", () => {
    fc.assert(
      fc.property(somePolicies, aRandomRequest, place, (policies, told, at) => {
        const denying = policies.filter(({ action }) => action !== "allow" && action !== "default")
        expect(allowed([...denying, aDefault("deny", MESH)], told, at)).toBe(false)
      }),
      { numRuns: 700 },
    )
  })

  it("dry runs and audits change nothing", () => {
    fc.assert(
      fc.property(somePolicies, aRandomRequest, place, (policies, told, at) => {
        const deciding = policies.filter((one) => !("dryRun" in one) && one.action !== "audit")
        expect(judge(policies, told, at)).toEqual(judge(deciding, told, at))
      }),
      { numRuns: 700 },
    )
  })

  it("parameters in a path let nothing in that would not pass without them", () => {
    fc.assert(
      fc.property(somePolicies, aRandomRequest, place, (policies, told, at) => {
        fc.pre(told.path !== undefined && !told.path.includes(";"))
        const path = told.path!.replace(/\/(?=.)/g, "/").replace(/([^/])(\/|$)/g, "$1;p=1$2")
        if (allowed(policies, { ...told, path }, at))
          expect(allowed(policies, { ...told, path: told.path! }, at)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})
