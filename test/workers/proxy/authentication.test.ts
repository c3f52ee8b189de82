/** Who is asking, through real Workers: what strangers may send as a credential, what becomes of it, and what services see. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { explain } from "#shared/exchange/explain.ts"
import type { AuthenticationDocument, JwtDocument } from "#shared/model/authentication-document.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import { eventually } from "#test/support/eventually.ts"
import { base64url, makeSigner, type Signer } from "#test/support/tokens.ts"
import { type RawResponse, startTestMesh, type TestMesh, TOKEN } from "./mesh.ts"

const ISSUER = "https://iss.test"
const rsa = await makeSigner("RS256", "k1")
const elliptic = await makeSigner("ES256", "e1")
const encryption = await makeSigner("RS256", "enc", { use: "enc" })
const stranger = await makeSigner("RS256", "k1")

/** A publisher outside the mesh. */
const outside = createServer((request, response) => {
  if (request.url === "/moved") response.writeHead(302, { location: "/jwks" }).end()
  else response.end(JSON.stringify({ keys: [rsa.jwk] }))
})
await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve))
const OUTSIDE = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`

const jwt = (more: Partial<JwtDocument> = {}): JwtDocument => ({
  issuer: ISSUER,
  audiences: ["api"],
  jwks: { keys: [rsa.jwk, elliptic.jwk, encryption.jwk] },
  ...more,
})

/** Each stands before a service of its own name, at a path of its own name. */
const AUTHENTICATIONS: { [name: string]: AuthenticationDocument } = {
  strict: { jwt: [jwt()] },
  open: {
    required: false,
    jwt: [
      jwt({ claimHeaders: { "x-user-id": "sub", "x-role": "realm.role" }, payloadHeader: "x-payload" }),
      jwt({ issuer: "https://other.test", audiences: ["web"] }),
    ],
  },
  forwarding: { jwt: [jwt({ forward: true })] },
  elsewhere: {
    jwt: [
      jwt({
        from: [
          { header: "x-token", prefix: "Value" },
          { query: "access_token", paths: ["/elsewhere/ws"] },
          { cookie: "session" },
        ],
      }),
    ],
  },
  typed: { jwt: [jwt({ type: "at+jwt" })] },
  twins: {
    jwt: [
      jwt({ jwks: { keys: [rsa.jwk, stranger.jwk, elliptic.jwk].map((jwk, index) => ({ ...jwk, kid: `${index}` })) } }),
    ],
  },
  timeless: { jwt: [jwt({ allowWithoutExpiry: true })] },
  url: { jwt: [jwt({ jwks: `${OUTSIDE}/jwks` })] },
  moved: { jwt: [jwt({ jwks: `${OUTSIDE}/moved` })] },
  ...Object.fromEntries(
    ["slow", "down", "huge", "endless", "wrong", "elsewhere-keys", "many", "listless", "returning", "rotating"].map(
      (name) => [name, { jwt: [jwt({ jwks: { service: "issuer", path: `/${name}` } })] }],
    ),
  ),
  keyed: {
    keys: {
      from: [{ header: "x-api-key" }, { query: "key" }],
      headers: { "x-customer": "owner", "x-scopes": "scopes", "x-key": "id" },
    },
  },
  access: { access: { team: "acme", audiences: ["tag"] }, required: false },
  claimed: { required: false, jwt: [jwt({ claimHeaders: { "x-nested": "nested.key1" } })] },
  callee: { required: false, jwt: [jwt({ claimHeaders: { "x-user-id": "sub" } })] },
}

const NAMES = Object.keys(AUTHENTICATIONS)

const answer = (rule: string) => ({ filters: [{ respond: { status: 200, headers: { "x-rule": rule } } }] })

const DOCUMENT: MeshDocument = {
  services: {
    ...Object.fromEntries(NAMES.map((name) => [name, { binding: "ECHO" }])),
    ...{ echo: {}, callee: {}, caller: {}, issuer: {} },
  },
  routes: {
    revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
    claimed: {
      service: "claimed",
      rules: [
        {
          match: { path: "/claims", claims: { "nested.key1": "valueA", sub: { prefix: "al" } } },
          ...answer("by-claim"),
        },
        { match: { path: "/claims", claims: { "nested.key1": { not: "valueA" } } }, ...answer("other") },
        {
          match: { path: "/limited" },
          ...answer("limited"),
          rateLimits: [{ requests: 1, per: "1h", scope: "isolate", key: ["claim:sub"] }],
        },
      ],
    },
    app: {
      hosts: ["app.test"],
      rules: [
        ...NAMES.map((name) => ({
          match: { path: `/${name}` },
          backends: [{ service: name }],
          filters: name === "open" ? [{ cors: { origins: ["https://page.test"] } }] : [],
        })),
        {
          match: { path: "/mirror" },
          backends: [{ service: "echo" }],
          filters: [{ mirror: { service: "strict" } }],
        },
        {
          match: { path: "/caller" },
          backends: [{ service: "caller" }],
          filters: [{ rewrite: { path: { prefix: "/" } } }],
        },
        {
          match: { path: "/cors" },
          backends: [{ service: "strict" }],
          filters: [{ cors: { origins: ["https://page.test"] } }],
        },
        { match: { path: "/free" }, backends: [{ service: "echo" }] },
      ],
    },
  },
  authentication: Object.fromEntries(NAMES.map((name) => [name, { ...AUTHENTICATIONS[name], services: [name] }])),
}

let mesh: TestMesh
beforeAll(async () => {
  mesh = await startTestMesh(DOCUMENT)
})
afterAll(async () => {
  await mesh.stop()
  outside.close()
})

const now = () => Math.floor(Date.now() / 1000)
const claims = (more: object = {}) => ({ iss: ISSUER, aud: "api", sub: "alice", exp: now() + 300, ...more })
const good = (signer: Signer = rsa) => signer.sign(claims())

type Headers = readonly (readonly [string, string])[]
const ask = (target: string, headers: Headers = [], method = "GET") => mesh.raw({ target, headers, method })
const bearer = (token: string): Headers => [["Authorization", `Bearer ${token}`]]

interface Seen {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}
const seen = ({ body }: RawResponse) => JSON.parse(body) as Seen
const told = ({ status, headers, body }: RawResponse) => ({
  status,
  refusal: headers.get("weft-refusal"),
  challenge: headers.get("www-authenticate"),
  detail: (JSON.parse(body) as { detail?: string }).detail,
})

describe("a route that requires a token", () => {
  it("takes a good one, of any key of the issuer's", async () => {
    for (const signer of [rsa, elliptic]) {
      const response = await ask("/strict", bearer(await good(signer)))
      expect(response.status).toBe(200)
      expect(seen(response).headers).not.toHaveProperty("authorization")
    }
  })

  it("says what it wants to who brings nothing", async () => {
    expect(told(await ask("/strict"))).toEqual({
      status: 401,
      refusal: "unauthenticated",
      challenge: "Bearer",
      detail: undefined,
    })
  })

  it("leaves routes beside it alone", async () => {
    const response = await ask("/free", bearer("whatever"))
    expect(response.status).toBe(200)
    expect(seen(response).headers.authorization).toBe("Bearer whatever")
  })

  const hmac = async () => {
    const input = `${base64url('{"alg":"HS256","kid":"k1"}')}.${base64url(JSON.stringify(claims()))}`
    const secret = new TextEncoder().encode(JSON.stringify(rsa.jwk))
    const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
    const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input))
    return `${input}.${base64url(new Uint8Array(mac))}`
  }
  const unsigned = (alg: string) => `${base64url(JSON.stringify({ alg }))}.${base64url(JSON.stringify(claims()))}.`
  const p384 = makeSigner("ES384", "e1")

  it.each<[string, () => Promise<Headers> | Headers]>([
    ["alg none", () => bearer(unsigned("none"))],
    ["alg None", () => bearer(unsigned("None"))],
    ["alg NONE with a signature", async () => bearer(await rsa.sign(claims(), { alg: "NONE" }))],
    ["a MAC keyed with the public key", async () => bearer(await hmac())],
    ["another curve's signature", async () => bearer(await (await p384).sign(claims(), { alg: "ES256" }))],
    ["another algorithm's name", async () => bearer(await rsa.sign(claims(), { alg: "PS256" }))],
    ["an algorithm that is not allowed here", async () => bearer(await (await p384).sign(claims()))],
    ["a stranger's key of the same name", async () => bearer(await good(stranger))],
    ["padding", async () => bearer(`${await good()}=`)],
    ["the other alphabet", async () => bearer((await good()).replace(/[-_]/, "+"))],
    ["a key id that is a path", async () => bearer(await rsa.sign(claims(), { kid: "../../../dev/null" }))],
    ["the place of its key", async () => bearer(await rsa.sign(claims(), { jku: "https://evil.test/jwks" }))],
    ["its own key", async () => bearer(await stranger.sign(claims(), { jwk: stranger.jwk }))],
    ["a key for encryption", async () => bearer(await good(encryption))],
    ["a critical extension", async () => bearer(await rsa.sign(claims(), { crit: ["x-policy"], "x-policy": 1 }))],
    ["a payload that is not encoded", async () => bearer(await rsa.sign(claims(), { crit: ["b64"], b64: false }))],
    ["a proof of possession", async () => bearer(await rsa.sign(claims(), { typ: "dpop+jwt" }))],
    ["another audience", async () => bearer(await rsa.sign(claims({ aud: "api-admin" })))],
    ["an audience in an object", async () => bearer(await rsa.sign(claims({ aud: { api: 1 } })))],
    ["an audience in two lists", async () => bearer(await rsa.sign(claims({ aud: [["api"]] })))],
    ["an unknown issuer", async () => bearer(await rsa.sign(claims({ iss: "https://evil.test" })))],
    ["an end in the past", async () => bearer(await rsa.sign(claims({ exp: now() - 90 })))],
    ["an end in a text", async () => bearer(await rsa.sign(claims({ exp: "9999999999" })))],
    ["an end beyond all bounds", async () => bearer(await rsa.sign(`{"iss":"${ISSUER}","aud":"api","exp":1e400}`))],
    ["an end before all time", async () => bearer(await rsa.sign(claims({ exp: -1 })))],
    ["no end", async () => bearer(await rsa.sign(claims({ exp: undefined })))],
    ["a beginning in the future", async () => bearer(await rsa.sign(claims({ nbf: now() + 600 })))],
    ["a date of issue in the future", async () => bearer(await rsa.sign(claims({ iat: now() + 3600 })))],
    [
      "an audience twice",
      async () => bearer(await rsa.sign(`{"iss":"${ISSUER}","aud":"web","aud":"api","exp":9999999999}`)),
    ],
    ["a megabyte would be too much, and twenty thousand characters are", () => bearer(`${"a".repeat(20_000)}.b.c`)],
    ["two tokens in two lines", async () => [...bearer(await good()), ...bearer(await good(elliptic))]],
    ["one token in two lines", async () => [...bearer(await good()), ...bearer(await good())]],
    ["a token behind a password", async () => [["Authorization", "Basic YTpi"], ...bearer(await good())]],
    ["a token in front of a password", async () => [...bearer(await good()), ["Authorization", "Basic YTpi"]]],
    ["two tokens in one", async () => bearer(`${await good()}|${await good(elliptic)}`)],
    ["nonsense", () => bearer("a.b.c")],
    ["a scheme without a token", () => bearer("")],
    ["a scheme in lower case and nonsense", () => [["authorization", "bearer x"]]],
  ])("refuses %s, and so does one that requires none", async (_what, headers) => {
    const sent = await headers()
    for (const target of ["/strict", "/open"]) {
      const { status, refusal, challenge, detail } = told(await ask(target, sent))
      expect({ status, refusal }).toEqual({ status: 401, refusal: "unauthenticated" })
      expect(challenge).toMatch(/^Bearer error="invalid_token"(, error_description="the token has expired")?$/)
      expect(detail).toMatch(/^the (token is not valid|token has expired|request has more than one credential)$/)
    }
  })

  it("refuses a token of a megabyte as headers that are too large", async () => {
    expect((await ask("/strict", bearer("a".repeat(100_000)))).status).toBe(431)
  })

  it("takes times within a minute of its own", async () => {
    for (const more of [{ exp: now() - 30 }, { nbf: now() + 50 }, { iat: now() + 50 }, { aud: ["web", "api"] }]) {
      expect((await ask("/strict", bearer(await rsa.sign(claims(more))))).status).toBe(200)
    }
  })

  it("takes a token with __proto__ for no token, and no role from it", async () => {
    const poisoned = await rsa.sign(`${JSON.stringify(claims()).slice(0, -1)},"__proto__":{"realm":{"role":"admin"}}}`)
    expect((await ask("/open", bearer(poisoned))).status).toBe(401)
  })

  it("takes the scheme in any case", async () => {
    expect((await ask("/strict", [["authorization", `bEaReR ${await good()}`]])).status).toBe(200)
  })

  it("takes a token that names no key where only one can be meant", async () => {
    expect((await ask("/strict", bearer(await rsa.sign(claims(), { kid: undefined })))).status).toBe(200)
    expect((await ask("/twins", bearer(await rsa.sign(claims(), { kid: undefined })))).status).toBe(401)
    expect((await ask("/twins", bearer(await rsa.sign(claims(), { kid: "0" })))).status).toBe(200)
    expect((await ask("/twins", bearer(await elliptic.sign(claims(), { kid: undefined })))).status).toBe(200)
  })

  it("takes types and ends as it is told", async () => {
    expect((await ask("/typed", bearer(await rsa.sign(claims(), { typ: "at+jwt" })))).status).toBe(200)
    expect((await ask("/typed", bearer(await good()))).status).toBe(401)
    expect((await ask("/timeless", bearer(await rsa.sign(claims({ exp: undefined }))))).status).toBe(200)
    expect((await ask("/timeless", bearer(await rsa.sign(claims({ exp: 1 }))))).status).toBe(401)
  })
})

describe("what services see", () => {
  const spoof: Headers = [
    ["X-User-Id", "root"],
    ["X_User.Id", "root"],
    ["x-role", "admin"],
    ["x-payload", "e30"],
    ["x-kept", "1"],
  ]
  const own = (response: RawResponse) => {
    const entries = Object.entries(seen(response).headers)
    return Object.fromEntries(entries.filter(([name]) => /^(authorization|x[-_](user|role|payload|kept))/.test(name)))
  }

  it("is the user's claims, and nobody else's word for them", async () => {
    const token = await rsa.sign(claims({ realm: { role: "editor" } }))
    expect(own(await ask("/open", [...spoof, ...bearer(token)]))).toEqual({
      "x-user-id": "alice",
      "x-role": "editor",
      "x-payload": token.split(".")[1],
      "x-kept": "1",
    })
  })

  it("is nothing of claims that the token has not", async () => {
    const token = await rsa.sign(claims({ sub: "a\r\nX-Admin: 1" }))
    expect(own(await ask("/open", [...spoof, ...bearer(token)]))).toEqual({
      "x-payload": token.split(".")[1],
      "x-kept": "1",
    })
  })

  it("is nothing of somebody who brings no token", async () => {
    expect(own(await ask("/open", spoof))).toEqual({ "x-kept": "1" })
    expect(own(await ask("/open", [["Authorization", "Basic YTpi"]]))).toEqual({ authorization: "Basic YTpi" })
  })

  it("is the token where it is to be forwarded", async () => {
    const token = await good()
    expect(own(await ask("/forwarding", bearer(token)))).toEqual({ authorization: `Bearer ${token}` })
  })

  it("is nobody in a browser's question, which the mesh answers where a token is required", async () => {
    const question: Headers = [
      ["Origin", "https://page.test"],
      ["Access-Control-Request-Method", "POST"],
      ...bearer(await rsa.sign(claims({ exp: 1 }))),
      ...spoof,
    ]
    expect((await ask("/cors", question, "OPTIONS")).status).toBe(204)
    expect((await ask("/strict", question, "OPTIONS")).status).toBe(401)
    expect((await ask("/open", question, "OPTIONS")).status).toBe(204)
    const forwarded = await ask("/access", question.slice(0, 2), "OPTIONS")
    expect(forwarded.status).toBe(200)
    expect((await ask("/open", question.slice(1), "OPTIONS")).status).toBe(401)
  })
})

describe("places of tokens", () => {
  it.each<[string, (token: string) => { target: string; headers?: Headers }]>([
    ["a header with a prefix", (token) => ({ target: "/elsewhere", headers: [["X-Token", `value ${token}`]] })],
    ["the query", (token) => ({ target: `/elsewhere/ws?a=1&access_token=${token}&b=2` })],
    ["a cookie", (token) => ({ target: "/elsewhere", headers: [["Cookie", `a=1; session=${token}; b=2`]] })],
    [
      "two of them, the same",
      (token) => ({ target: `/elsewhere/ws?access_token=${token}`, headers: [["Cookie", `session=${token}`]] }),
    ],
  ])("are %s, and nothing of it goes on", async (_what, request) => {
    const token = await good()
    const { target, headers } = request(token)
    const response = await ask(target, headers)
    expect(response.status).toBe(200)
    expect(response.body).not.toContain(token)
  })

  it("leave all else in place", async () => {
    const token = await good()
    const inQuery = seen(await ask(`/elsewhere/ws?a=%20&access_token=${token}&b=2`))
    expect(inQuery.url).toBe("http://app.test/elsewhere/ws?a=%20&b=2")
    const inCookie = seen(await ask("/elsewhere", [["Cookie", `a=1; session=${token}; b=2`]]))
    expect(inCookie.headers.cookie).toBe("a=1; b=2")
  })

  it.each<[string, (token: string, other: string) => { target: string; headers?: Headers }]>([
    ["the usual header", (token) => ({ target: "/elsewhere", headers: bearer(token) })],
    ["a header without its prefix", (token) => ({ target: "/elsewhere", headers: [["X-Token", token]] })],
    ["the query of another path", (token) => ({ target: `/elsewhere?access_token=${token}` })],
    ["the query, twice", (token, other) => ({ target: `/elsewhere/ws?access_token=${token}&access_token=${other}` })],
    [
      "two of them, two users",
      (token, other) => ({ target: `/elsewhere/ws?access_token=${token}`, headers: [["Cookie", `session=${other}`]] }),
    ],
    [
      "two cookies",
      (token, other) => ({ target: "/elsewhere", headers: [["Cookie", `session=${token}; session=${other}`]] }),
    ],
    [
      "a second line of cookies",
      (token, other) => ({
        target: "/elsewhere",
        headers: [
          ["Cookie", `session=${token}`],
          ["Cookie", `session=${other}`],
        ],
      }),
    ],
  ])("are not %s", async (_what, request) => {
    const { target, headers } = request(await good(), await rsa.sign(claims({ sub: "bob" })))
    expect((await ask(target, headers)).status).toBe(401)
  })
})

describe("keys that are published elsewhere", () => {
  const toIssuer = (path: string, init?: RequestInit) =>
    mesh.dispatchTo("issuer", new Request(`http://issuer${path}`, init))
  const publish = (name: string, publication: object) =>
    toIssuer(`/publish/${name}`, { method: "PUT", body: JSON.stringify(publication) })
  const asked = async (name: string) => Number(await (await toIssuer(`/asked/${name}`)).text())
  const status = async (name: string, signer: Signer = rsa) =>
    (await ask(`/${name}`, bearer(await good(signer)))).status

  it("are fetched once for many requests, however slow", async () => {
    await publish("slow", { keys: [rsa.jwk], delayMs: 300 })
    const token = await good()
    const bad = await good(stranger)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => ask("/slow", bearer(index % 2 ? token : bad))),
    )
    expect(answers.map(({ status }) => status)).toEqual(
      Array.from({ length: 40 }, (_, index) => (index % 2 ? 200 : 401)),
    )
    expect(await asked("slow")).toBe(1)
  })

  it.each<[string, object]>([
    ["down", { behaviour: "down" }],
    ["huge", { behaviour: "huge" }],
    ["endless", { behaviour: "endless" }],
    ["wrong", { behaviour: "wrong" }],
    ["elsewhere-keys", { behaviour: "elsewhere" }],
    ["many", { keys: Array.from({ length: 200 }, (_, index) => ({ kty: "RSA", kid: `${index}` })) }],
    ["listless", { keys: rsa.jwk }],
  ])("and are %s let nobody in, and say that it is not the token", async (name, publication) => {
    await publish(name, { keys: [rsa.jwk], ...publication })
    const { status, headers } = await ask(`/${name}`, bearer(await good()))
    expect([status, headers.get("weft-refusal"), headers.has("retry-after")]).toEqual([503, "keys_unavailable", true])
    expect((await ask(`/${name}`)).status).toBe(401)
    expect((await ask(`/${name}`, bearer("a.b.c"))).status).toBe(401)
  })

  it("come back when their publisher does", async () => {
    await publish("returning", { keys: [rsa.jwk], behaviour: "down" })
    expect(await status("returning")).toBe(503)
    await publish("returning", { keys: [rsa.jwk] })
    await expect.poll(() => status("returning")).toBe(200)
  })

  it("change without a request being lost, and unknown keys do not have them fetched again and again", async () => {
    await publish("rotating", { keys: [rsa.jwk] })
    expect(await status("rotating")).toBe(200)
    await publish("rotating", { keys: [rsa.jwk, elliptic.jwk] })
    const unknown = Array.from({ length: 10 }, async (_, index) => {
      const token = await elliptic.sign(claims(), { kid: `unknown ${index}` })
      return (await ask("/rotating", bearer(token))).status
    })
    expect(new Set(await Promise.all(unknown))).toEqual(new Set([401]))
    expect(await asked("rotating")).toBe(0)
    expect(await status("rotating")).toBe(200)
  })

  it("are fetched from a URL, and nobody is followed elsewhere", async () => {
    expect((await ask("/url", bearer(await good()))).status).toBe(200)
    expect((await ask("/moved", bearer(await good()))).status).toBe(503)
  })
})

describe("an API key", () => {
  const admin = (method: string, path: string, body?: object) =>
    fetch(`${mesh.controlUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    })
  const withKey = async (key: string) => (await ask("/keyed", [["X-Api-Key", key]])).status

  it("is good from soon after it was made until soon after it is revoked, without a call for each request", async () => {
    const made = await admin("POST", "/v1/keys", { id: "acme", owner: "Acme Inc.", scopes: ["read", "write"] })
    const { key } = (await made.json()) as { key: string }
    await expect.poll(() => withKey(key), { interval: 50 }).toBe(200)

    const response = await ask("/keyed?a=1", [
      ["X-Api-Key", key],
      ["X-Customer", "root"],
      ["X_Key", "root"],
    ])
    expect(seen(response).headers).toMatchObject({
      "x-customer": "Acme Inc.",
      "x-scopes": "read write",
      "x-key": "acme",
    })
    expect(response.body).not.toMatch(/weft_key|root/)
    const inQuery = await ask(`/keyed?a=1&key=${key}`)
    expect([inQuery.status, seen(inQuery).url]).toEqual([200, "http://app.test/keyed?a=1"])

    for (const wrong of [
      `${key}x`,
      key.toUpperCase(),
      key.replace("acme", "acm"),
      "weft_key_acme_",
      "",
      `${key}, ${key}`,
    ]) {
      expect(await withKey(wrong)).toBe(401)
    }
    expect(told(await ask("/keyed", [["X-Api-Key", "x"]]))).toMatchObject({
      ...{ challenge: "ApiKey", detail: "the key is not valid" },
    })
    expect((await ask(`/keyed?key=${key}`, [["X-Api-Key", `${key}x`]])).status).toBe(401)

    expect((await admin("DELETE", "/v1/keys/acme")).status).toBe(204)
    // Within the lease and what a pull takes, with room for a slow machine.
    await expect.poll(() => withKey(key), { interval: 20 }).toBe(401)
  })
})

describe("routes and limits by who is asking", () => {
  const nested = (more: object = {}) => rsa.sign(claims({ nested: { key1: ["valueA", "valueB"] }, ...more }))
  /** From a service of the mesh, which passes on what it is sent. */
  const inside = async (path: string, headers: Headers = []) => {
    const response = await ask(`/caller/fetch/ANY${path}`, [["x-target", "http://claimed"], ...headers])
    return response.headers.get("x-rule") ?? response.status
  }

  it("take a token's claims, of a list any one", async () => {
    expect(await inside("/claims", bearer(await nested()))).toBe("by-claim")
    expect(await inside("/claims", bearer(await nested({ nested: { key1: "valueB" } })))).toBe("other")
    expect(await inside("/claims", bearer(await nested({ sub: "eve" })))).toBe(404)
  })

  it("take no header for a claim, and nobody for somebody", async () => {
    const names = ["nested.key1", "request.auth.claims.nested.key1", "x-nested"]
    expect(
      await inside(
        "/claims",
        names.map((name) => [name, "valueA"] as const),
      ),
    ).toBe("other")
  })

  it("answer a bad token with 401 before they are looked at, also where there is no route", async () => {
    for (const path of ["/claims", "/nothing-here"]) {
      expect(await inside(path, bearer(await nested({ exp: 1 })))).toBe(401)
    }
    expect(await inside("/nothing-here", bearer(await nested()))).toBe(404)
  })

  it("count each user apart, and all who are nobody together", async () => {
    const times = (headers: Headers) => inside("/limited", headers)
    const [alice, bob] = [bearer(await good()), bearer(await rsa.sign(claims({ sub: "bob" })))]
    const outcomes = [await times(alice), await times(alice), await times(bob), await times([]), await times([])]
    expect(outcomes).toEqual(["limited", 429, "limited", "limited", 429])
  })
})

describe("a copy of a request", () => {
  it("is not for a service that asks who it is from, if that is not known", async () => {
    const note = async (headers: Headers) => {
      const word = crypto.randomUUID()
      expect((await ask(`/mirror?note=${word}`, headers)).status).toBe(200)
      return word
    }
    const [nobody, nonsense, somebody] = [await note([]), await note(bearer("a.b.c")), await note(bearer(await good()))]
    const seen: string[] = []
    const times = (word: string) => seen.filter((one) => one.startsWith(word)).length
    // Copies take their time; that of the last request is the last.
    await eventually(async () => {
      const more = await (await mesh.dispatchTo("echo-v1", new Request("http://echo/mirrored"))).json()
      seen.push(...(more as string[]))
      return times(somebody) === 2
    })
    expect([times(nobody), times(nonsense)]).toEqual([1, 1])
  })
})

describe("a call", () => {
  const call = async (context: object) => {
    const target = `/caller/rpc/asUser?by=MESH&context=${encodeURIComponent(JSON.stringify(context))}`
    return JSON.parse((await ask(target)).body) as { value?: object; error?: object }
  }

  it("carries the user's token in its context, and its callee sees the claims there", async () => {
    const { value } = await call({ authorization: `Bearer ${await good()}`, "X-User-ID": "root", tenant: "a" })
    expect(value).toMatchObject({ "x-user-id": "alice", tenant: "a" })
    expect(value).not.toHaveProperty("authorization")
    expect(value).not.toHaveProperty("X-User-ID")
  })

  it("may carry whatever looks like something of the mesh's own", async () => {
    const { value } = await call({ refusal: "internal", fault: "x", constructor: 1, tenant: "a" })
    expect(value).toMatchObject({ refusal: "internal", fault: "x", tenant: "a" })
  })

  it("of nobody has no claims", async () => {
    const { value } = await call({ "x-user-id": "root", tenant: "a" })
    expect(value).toMatchObject({ tenant: "a" })
    expect(value).not.toHaveProperty("x-user-id")
  })

  it.each<[string, object]>([
    ["a bad token", { authorization: "Bearer a.b.c" }],
    ["a token that is no text", { authorization: { token: 1 } }],
    ["a token twice", { authorization: "Bearer a", Authorization: "Bearer b" }],
  ])("with %s is refused", async (_what, context) => {
    expect((await call(context)).error).toMatchObject({ refusal: "unauthenticated", status: 401 })
  })
})

describe("several issuers", () => {
  it("are told apart by what a token says, each with its own audience", async () => {
    const other = { iss: "https://other.test", aud: "web" }
    expect((await ask("/open", bearer(await rsa.sign(claims(other))))).status).toBe(200)
    expect((await ask("/open", bearer(await rsa.sign(claims({ ...other, aud: "api" }))))).status).toBe(401)
    expect((await ask("/open", bearer(await rsa.sign(claims({ aud: "web" }))))).status).toBe(401)
  })

  it("are not reached beyond private networks: an unknown team of Access is refused, not believed", async () => {
    const token = await rsa.sign({ ...claims({ aud: ["tag"] }), iss: "https://acme.cloudflareaccess.com" })
    const { status } = await ask("/access", [["Cf-Access-Jwt-Assertion", token]])
    expect([401, 503]).toContain(status)
  })
})

describe("an explanation", () => {
  const users = {
    nobody: undefined,
    alice: { issuer: ISSUER, subject: "alice", audiences: ["api"] },
    "alice elsewhere": { issuer: ISSUER, subject: "alice", audiences: ["web"] },
    stranger: { issuer: "https://nobody.test", subject: "eve", audiences: ["api"] },
  }
  const preflight: Headers = [
    ["origin", "https://page.test"],
    ["access-control-request-method", "PUT"],
  ]

  it("is what becomes of users, of nobody, and of browsers' questions", async () => {
    const compiled = compile([], { documents: [{ source: "test", content: DOCUMENT }], prune: true, revision: 1 })
    if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
    const { snapshot } = compiled
    const outcomes = new Set<string>()
    for (const path of ["/strict", "/open", "/callee", "/keyed", "/cors", "/free", "/mirror"]) {
      for (const [method, more] of [["GET", []] as const, ["OPTIONS", preflight] as const]) {
        for (const [name, user] of Object.entries(users)) {
          const token = user && (await rsa.sign(claims({ iss: user.issuer, sub: user.subject, aud: user.audiences })))
          const got = await ask(path, [...more, ...(token ? bearer(token) : [])], method)
          const headers = more.map(([header, value]) => ({ name: header, value }))
          const request = { url: `http://app.test${path}`, method, headers, ...(user && { user }) }
          const told = explain({ revision: 1, snapshot }, request)
          const expected = told.refusal?.name ?? null
          expect([path, method, name, got.headers.get("weft-refusal")]).toEqual([path, method, name, expected])
          outcomes.add(`${expected}`)
        }
      }
    }
    expect(outcomes).toEqual(new Set(["null", "unauthenticated"]))
  })
})
