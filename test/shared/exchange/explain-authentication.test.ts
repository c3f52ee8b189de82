import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { explain } from "#shared/exchange/explain.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import type { DescribedRequest, Explained } from "#shared/protocol/explain.ts"

const IDP = "https://idp.test"
const ALICE = { issuer: IDP, subject: "alice", claims: { groups: ["staff"] } }
const PARTNER = { id: "k", owner: "partner", scopes: ["read"] }

const SHOP: MeshDocument = {
  services: { storefront: {}, orders: {}, reserve: {}, open: {} },
  authentication: {
    customers: {
      gateways: ["default"],
      services: ["open"],
      required: false,
      jwt: [
        {
          issuer: IDP,
          audiences: ["shop"],
          jwks: "https://idp.test/jwks",
          from: [{ header: "authorization" }, { cookie: "session" }, { query: "token", paths: ["/files"] }],
          claimHeaders: { "x-user-id": "sub", "x-plan": "plan" },
        },
      ],
    },
    staff: { services: ["orders"], jwt: [{ issuer: "https://staff.test", jwks: "https://staff.test/jwks" }] },
    partners: { services: ["reserve"], keys: { headers: { "x-partner": "owner" } } },
  },
  routes: {
    shop: {
      hosts: ["shop.test"],
      rules: [
        { name: "team", match: { path: "/home", claims: { groups: "staff" } }, backends: [{ service: "storefront" }] },
        { name: "mine", match: { path: "/home", headers: { "x-user-id": "alice" } }, backends: [{ service: "open" }] },
        { name: "anybody", match: { path: "/home" }, backends: [{ service: "open" }] },
        {
          name: "either",
          match: { path: "/either" },
          backends: [
            { service: "storefront", weight: 1 },
            { service: "reserve", weight: 0 },
          ],
        },
        { name: "orders", match: { path: "/orders" }, backends: [{ service: "orders" }] },
        { name: "partners", match: { path: "/partners" }, backends: [{ service: "reserve" }] },
        {
          name: "browsers",
          match: { path: "/browsers" },
          filters: [{ cors: { origins: ["https://app.test"] } }],
          backends: [{ service: "reserve" }],
        },
      ],
    },
  },
}

function told(request: DescribedRequest, document: MeshDocument = SHOP): Explained {
  const compiled = compile([], { documents: [{ source: "test", content: document }], prune: false, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  return explain({ revision: 1, snapshot: compiled.snapshot }, request)
}

function at(path: string, more: DescribedRequest = {}): Explained {
  return told({ url: `http://shop.test${path}`, ...more })
}

function reached({ branches }: Explained): (string | undefined)[] {
  return branches.filter(({ sends }) => sends).map(({ backend }) => backend)
}

function verdicts({ authentication = [] }: Explained): string[] {
  return authentication.map(({ place, passes, because }) => `${place} ${passes ? "+" : "-"} ${because}`)
}

describe("who is asking, explained", () => {
  it("is said of every place on the way, with all that would be taken there", () => {
    expect(at("/orders", { user: ALICE }).authentication).toEqual([
      {
        place: "gateway default/default",
        passes: true,
        because: "as user https://idp.test/alice",
        required: false,
        by: ["default/customers"],
        takes: [
          "tokens of https://idp.test for shop: header authorization (Bearer), cookie session, query token below /files",
        ],
      },
      {
        place: "service default/orders",
        passes: false,
        because: "it takes no token of https://idp.test",
        required: true,
        by: ["default/staff"],
        takes: ["tokens of https://staff.test: header authorization (Bearer)"],
      },
    ])
  })

  it("decides where a rule asks for claims, or for a header that only claims set", () => {
    expect(at("/home", { user: ALICE }).winner?.rule).toBe("default/shop/team")
    expect(at("/home", { user: { ...ALICE, claims: {} } }).winner?.rule).toBe("default/shop/mine")
    expect(at("/home", { user: { ...ALICE, subject: "bob", claims: {} } }).winner?.rule).toBe("default/shop/anybody")
    const forged = [{ name: "x-user-id", value: "alice" }]
    expect(at("/home", { headers: forged }).winner?.rule).toBe("default/shop/anybody")
  })

  it.each<[string, Explained, string[]]>([
    [
      "nobody where somebody must",
      at("/partners"),
      [
        "gateway default/default + nobody is asking, which is allowed",
        "service default/reserve - nobody is asking, and somebody must",
      ],
    ],
    [
      "nobody where a backend of no weight requires somebody",
      at("/either"),
      [
        "gateway default/default + nobody is asking, which is allowed",
        "service default/reserve - nobody is asking, and somebody must",
      ],
    ],
    [
      "a token that it would have to verify",
      at("/partners", { headers: [{ name: "x-api-key", value: "weft_key_a_b" }] }),
      [
        "gateway default/default + nobody is asking, which is allowed",
        "service default/reserve - what stands in the header x-api-key is not verified here: describe its user or key instead",
      ],
    ],
    [
      "a token for somebody else",
      at("/home", { user: { ...ALICE, audiences: ["bank"] } }),
      ["gateway default/default - it takes no token of https://idp.test for bank"],
    ],
  ])("refuses %s", (_, explained, expected) => {
    expect(verdicts(explained)).toEqual(expected)
    expect(explained.refusal?.name).toBe("unauthenticated")
    expect(explained.branches).toEqual([])
  })

  it("lets a key in where keys are taken, beside a user", () => {
    const both = at("/partners", { user: ALICE, key: PARTNER })
    expect(verdicts(both)).toEqual([
      "gateway default/default + as user https://idp.test/alice",
      "service default/reserve + as key of partner",
    ])
    expect(reached(both)).toEqual(["default/reserve"])
  })

  it("asks the same authentications once", () => {
    expect(verdicts(at("/home", { user: ALICE }))).toHaveLength(1)
  })

  it("says so when nothing looks for what was described", () => {
    expect(at("/home", { key: PARTNER }).unproven).toBe(
      "nothing on its way takes an API key: whose it is stays unknown",
    )
    const open: MeshDocument = {
      services: { shop: {} },
      routes: { shop: { rules: [{ backends: [{ service: "shop" }] }] } },
    }
    const unknown = told({ url: "http://shop.test/", user: ALICE }, open)
    expect(unknown.unproven).toBe("nothing on its way takes a token: who the end user is stays unknown")
    expect(unknown.authentication).toBeUndefined()
    expect(at("/home", { user: ALICE }).unproven).toBeUndefined()
  })

  it("takes any issuer for one that was not told", () => {
    expect(at("/home", { user: { issuer: "", subject: "", claims: { groups: "staff" } } }).winner?.rule).toBe(
      "default/shop/team",
    )
  })

  it("lets browsers ask first, where the rule answers them", () => {
    const headers = [
      { name: "origin", value: "https://app.test" },
      { name: "access-control-request-method", value: "PUT" },
    ]
    const answered = at("/browsers", { method: "OPTIONS", headers })
    expect(answered.branches[0]?.answer?.status).toBe(204)
    const sent = at("/partners", { method: "OPTIONS", headers })
    expect(sent.refusal?.name).toBe("unauthenticated")
  })

  it("judges calls by the service that they address", () => {
    const call = { from: "storefront", to: "orders", rpc: "getOrder" }
    expect(verdicts(told(call))).toEqual(["service default/orders - nobody is asking, and somebody must"])
    const user = { issuer: "https://staff.test", subject: "carol" }
    expect(reached(told({ ...call, user }))).toEqual(["default/orders"])
  })
})
