import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { explain } from "#shared/exchange/explain.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import type { DescribedRequest, Explained } from "#shared/protocol/explain.ts"

const SHOP: MeshDocument = {
  services: { storefront: {}, orders: {}, authz: {} },
  routes: {
    shop: {
      hosts: ["shop.test"],
      rules: [
        {
          match: { path: "/orders" },
          filters: [{ rewrite: { path: { prefix: "/v2/orders" } } }, { requestHeaders: { set: { "x-role": "web" } } }],
          backends: [{ service: "orders" }],
        },
        { match: { path: "/hi" }, filters: [{ respond: { status: 200 } }] },
        { backends: [{ service: "storefront" }] },
      ],
    },
  },
  authentication: {
    people: { required: false, jwt: [{ issuer: "https://idp.test", jwks: "https://idp.test/jwks" }], keys: {} },
  },
  policies: {
    "no-admin": { gateways: ["default"], action: "deny", rules: [{ to: [{ paths: [{ prefix: "/admin" }] }] }] },
    closed: { mesh: true, default: "deny" },
    front: { services: ["storefront"], gateways: ["default"], rules: [{}] },
    orders: {
      services: ["orders"],
      rules: [
        { from: [{ services: ["storefront"] }] },
        {
          from: [{ claims: { groups: ["staff"] } }, { keyOwners: ["partner"], ipBlocks: ["10.0.0.0/8"] }],
          to: [{ methods: ["GET"], paths: ["/v2/orders/{id}"] }],
          when: [{ key: "request.headers[x-role]", values: ["web"] }],
        },
      ],
    },
    watch: { services: ["orders"], action: "audit", rules: [{}] },
    ask: { services: ["orders"], action: "custom", authorizer: { service: "authz" }, rules: [{}] },
    later: { services: ["orders"], action: "deny", dryRun: true, rules: [{ to: [{ methods: ["GET"] }] }] },
  },
}

function told(request: DescribedRequest, document: MeshDocument = SHOP): Explained {
  const compiled = compile([], { documents: [{ source: "test", content: document }], prune: false, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  return explain({ revision: 1, snapshot: compiled.snapshot }, request)
}

describe("access policies, explained", () => {
  it("refuse at the gateway, by the reading that decides", () => {
    const { refusal, access, branches } = told({ url: "http://shop.test/admin;x=y/z" })
    expect([refusal?.name, access?.place, access?.because]).toEqual([
      "forbidden",
      "gateway default/default",
      "default/no-admin/0 denies it",
    ])
    expect(access?.policies.map(({ policy, takes }) => [policy, takes])).toEqual([
      ["default/closed", true],
      ["default/front", true],
      ["default/no-admin", true],
    ])
    expect(branches).toEqual([])
  })

  it("say of a service that allows nothing of the kind what keeps each rule from it", () => {
    const [branch] = told({ url: "http://shop.test/orders/7" }).branches
    expect(branch?.refusal?.name).toBe("forbidden")
    expect(branch?.access?.because).toBe("default/orders does not allow it, and nothing else does")
    expect(branch?.access?.policies.find(({ policy }) => policy === "default/orders")?.because).toBe(
      'rule 0: there is no calling service, and there must be one that is "default/storefront"; ' +
        'rule 1: there is no claim groups, and there must be one that is "staff"',
    )
  })

  it("judge the request as the service sees it: rewritten, with the headers that filters set", () => {
    const user = { issuer: "https://idp.test", subject: "alice", claims: { groups: ["dev", "staff"] } }
    const [branch] = told({ url: "http://shop.test/orders/7", user }).branches
    expect(branch?.sends?.url).toBe("http://shop.test/v2/orders/7")
    expect(branch?.access).toMatchObject({
      allowed: true,
      because: "default/orders/1 allows it",
      asks: ["default/ask (default/authz)"],
      audits: ["default/watch/0"],
      rehearsed: "default/later/0 denies it",
    })
    expect(told({ url: "http://shop.test/orders/7/x", user }).branches[0]?.access?.policies).toContainEqual({
      policy: "default/orders",
      action: "allow",
      takes: false,
      because: expect.stringContaining('rule 1: the path is "/v2/orders/7/x", and must be "/v2/orders/{*}"'),
    })
  })

  it("of several alternatives tell of the one that gets furthest", () => {
    const key = { id: "k", owner: "partner", scopes: [] }
    const access = told({ url: "http://shop.test/orders/7", key, address: "192.0.2.1" }).branches[0]?.access
    expect(access?.policies.find(({ policy }) => policy === "default/orders")?.because).toContain(
      'rule 1: the client\'s address is "192.0.2.1", and must be "10.0.0.0/8"',
    )
    expect(told({ url: "http://shop.test/orders/7", key, address: "10.0.0.1" }).branches[0]?.access?.allowed).toBe(true)
  })

  it("judge calls, and leave alone what a rule answers by itself", () => {
    expect(told({ from: "storefront", to: "orders", rpc: "getOrder" }).branches[0]?.access?.allowed).toBe(true)
    expect(told({ from: "authz", to: "orders", rpc: "getOrder" }).branches[0]?.refusal?.name).toBe("forbidden")
    const answered = told({ url: "http://shop.test/hi" })
    expect([answered.access?.allowed, answered.branches[0]?.answer?.status, answered.branches[0]?.access]).toEqual([
      true,
      200,
      undefined,
    ])
  })

  it("are not spoken of where there are none", () => {
    const { policies: _, ...open } = SHOP
    const { access, branches } = told({ url: "http://shop.test/orders/7" }, open)
    expect([access, branches[0]?.access]).toEqual([undefined, undefined])
  })

  it("say what the default is", () => {
    const open: MeshDocument = { ...SHOP, policies: { closed: { mesh: true, default: "deny", dryRun: true } } }
    const access = told({ url: "http://shop.test/" }, open).access
    expect(access).toMatchObject({
      allowed: true,
      because: "no policy that covers it allows or denies it, and there is no default",
      rehearsed: "no policy allows or denies it, and the default is default/closed",
    })
  })
})
