/** What one isolate takes for a proof. The keys are real, and so are the signatures; only the world around is a test's. */
import fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import { resolveAuthentication } from "#shared/config/resolve-authentication.ts"
import type { Scope } from "#shared/config/scope.ts"
import { Checkpoints } from "#shared/identity/checkpoint.ts"
import { ALGORITHMS, type Authentication } from "#shared/model/authentication.ts"
import type { AuthenticationDocument } from "#shared/model/authentication-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { DEFAULT_GATEWAY } from "#shared/model/names.ts"
import { digest } from "#shared/model/snapshot-codec.ts"
import { type Kind, makeSigner } from "#test/support/tokens.ts"
import { ApiKeys } from "#workers/proxy/api-keys.ts"
import { Authenticator } from "#workers/proxy/authenticator.ts"
import type { Mesh, Routes } from "#workers/proxy/mesh.ts"

const ISSUER = "https://iss.test"
const NOW = 1_800_000_000

function authentication(document: AuthenticationDocument): Authentication {
  const scope: Scope = {
    services: new Map(),
    gateways: new Map(),
    hints: { left: 0 },
    namespace: "default",
    report: (path, complaint) => {
      throw new Error(`${path.join(".")}: ${complaint.message}`)
    },
  }
  return resolveAuthentication(
    { kind: "Authentication", namespace: "default", name: "a", spec: document, since: 1 },
    scope,
  )
}

/** An isolate with one checkpoint, and what becomes of a request's headers at it. */
function isolate(document: AuthenticationDocument, publish: () => object = () => ({ keys: [] })) {
  let nowMs = NOW * 1000
  let fetches = 0
  const background: Promise<unknown>[] = []
  const surroundings = {
    nowMs: () => nowMs,
    roll: () => 0.5,
    sleep: () => new Promise<void>(() => {}),
    log: () => {},
  }
  const apiKeys = new ApiKeys()
  const authenticator = new Authenticator(surroundings, apiKeys)
  const mesh = {
    ...surroundings,
    waitUntil: (promise: Promise<unknown>) => void background.push(promise),
    destination: () => ({
      fetch: async () => {
        fetches += 1
        return Response.json(publish())
      },
    }),
  } as unknown as Mesh
  const routesOf = (one: AuthenticationDocument): Routes => ({
    ...{
      revision: 1,
      digest: "",
      isCandidate: false,
      apart: undefined,
      written: [],
      candidate: undefined,
      newUntilMs: 0,
      isEmpty: false,
      isTraced: false,
      services: new Map(),
      table: { gateways: new Map(), services: new Map(), ports: new Map() },
    },
    authentications: [authentication(one)],
    access: undefined,
    trustedPeers: undefined,
  })
  let routes = routesOf(document)
  return {
    apiKeys,
    fetches: () => fetches,
    pass: (ms: number) => {
      nowMs += ms
    },
    adopt: (next: AuthenticationDocument) => {
      routes = routesOf(next)
    },
    settled: () => Promise.all(background),
    async judge(headers: Readonly<Record<string, string>>) {
      const checkpoint = authenticator.checkpoints(routes)!.at({ at: "gateway", gateway: DEFAULT_GATEWAY })!
      const presented = { path: "/", rawQuery: "", headers: new Map(Object.entries(headers)) }
      const known = await authenticator.judge(checkpoint, presented, { routes, mesh, patienceMs: 1_000 })
      return "fault" in known ? known.fault : (known.user?.subject ?? known.key?.id ?? "nobody")
    },
    bearer(token: string) {
      return this.judge({ authorization: `Bearer ${token}` })
    },
  }
}

const claims = (more: object = {}) => ({
  iss: ISSUER,
  aud: "api",
  sub: "alice",
  exp: NOW + 300,
  iat: NOW,
  nbf: NOW,
  ...more,
})
const KINDS: readonly Kind[] = ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"]
const signers = await Promise.all(KINDS.map((kind) => makeSigner(kind, kind.toLowerCase())))
const ALL: AuthenticationDocument = {
  gateways: ["default"],
  jwt: [
    {
      issuer: ISSUER,
      audiences: ["api"],
      algorithms: [...ALGORITHMS],
      jwks: { keys: signers.map(({ jwk }) => jwk) },
    },
  ],
}

describe.each(signers)("a token signed with $kind", (signer) => {
  it("is taken, again and again", async () => {
    const one = isolate(ALL)
    const token = await signer.sign(claims())
    expect(await one.bearer(token)).toBe("alice")
    expect(await one.bearer(token)).toBe("alice")
  })

  it("is refused with any one character changed, left out, doubled or put in, also when it was taken before", async () => {
    const one = isolate(ALL)
    const token = await signer.sign(claims())
    expect(await one.bearer(token)).toBe("alice")
    const character = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/, \t|")
    const edit = fc.constantFrom("change", "drop", "double", "insert")
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), character, edit, async (at, char, how) => {
        const [before, own, after] = [token.slice(0, at), token[at]!, token.slice(at + 1)]
        const middle = { change: char, drop: "", double: own + own, insert: char + own }[how]
        const edited = before + middle + after
        if (edited === token) return
        expect(await one.bearer(edited)).toMatch(/^(token|bad|unknown|wrong|algorithm|expired|no|not|issued)_/)
      }),
      { numRuns: 150 },
    )
  })

  it("is refused under any other algorithm's name", async () => {
    const one = isolate(ALL)
    const names = [...ALGORITHMS, "none", "None", "HS256", "HS384", "HS512", "RS1", "ES256K", "", "rs256", "A128KW"]
    for (const alg of names) {
      const same = alg === signer.kind || (signer.kind === "EdDSA" && alg === "Ed25519")
      for (const kid of [signer.id, undefined, "rs256", "es256"]) {
        const { jwk } = signer
        const own = kid === signer.id || (kid === undefined && !["RS256", "PS256"].includes(signer.kind))
        const outcome = await one.bearer(await signer.sign(claims(), { alg, kid }))
        if (!same) expect([alg, kid, jwk.alg, outcome]).not.toContain("alice")
        else if (own && alg === jwk.alg) expect(outcome).toBe("alice")
      }
    }
  })

  it("is refused by who allows other algorithms only", async () => {
    const algorithms = ALGORITHMS.filter(
      (one) => one !== signer.kind && !(signer.kind === "EdDSA" && one === "Ed25519"),
    )
    const one = isolate({ ...ALL, jwt: [{ ...ALL.jwt![0]!, algorithms: [...algorithms] }] })
    expect(await one.bearer(await signer.sign(claims()))).toBe("algorithm_not_allowed")
  })
})

describe("a token", () => {
  const [rsa, , elliptic] = signers as [(typeof signers)[0], (typeof signers)[0], (typeof signers)[0]]

  it("with any registered claim made into anything is refused, or as good as before", async () => {
    const one = isolate(ALL)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("iss", "aud", "exp", "nbf", "iat"),
        fc.oneof(fc.jsonValue(), fc.integer(), fc.double(), fc.constantFrom("api", ISSUER, [ISSUER], NOW)),
        async (name, value) => {
          const payload = claims({ [name]: value })
          const written = JSON.parse(JSON.stringify(payload)) as Record<string, unknown>
          const { iss, aud, exp, nbf, iat } = written
          const fine = (time: unknown) => Number.isSafeInteger(time) && (time as number) >= 0
          const good =
            iss === ISSUER &&
            (aud === "api" || (Array.isArray(aud) && aud.every((a) => typeof a === "string") && aud.includes("api"))) &&
            fine(exp) &&
            (exp as number) > NOW - 60 &&
            (nbf === undefined || (fine(nbf) && (nbf as number) <= NOW + 60)) &&
            (iat === undefined || (fine(iat) && (iat as number) <= NOW + 60))
          expect((await one.bearer(await elliptic.sign(payload))) === "alice").toBe(good)
        },
      ),
      { numRuns: 300 },
    )
  })

  it("has its signature verified once, unless it is long, or many others came since", async () => {
    const verify = vi.spyOn(crypto.subtle, "verify")
    const one = isolate(ALL)
    const token = await elliptic.sign(claims())
    const long = await elliptic.sign(claims({ more: "x".repeat(LIMITS.verifiedTokenCharsMax) }))
    for (const again of [token, token, long, long]) expect(await one.bearer(again)).toBe("alice")
    expect(verify).toHaveBeenCalledTimes(3)
    for (let index = 0; index < LIMITS.verifiedTokensMax; index++) {
      await one.bearer(await elliptic.sign(claims({ jti: `${index}` })))
    }
    verify.mockClear()
    expect(await one.bearer(token)).toBe("alice")
    expect(verify).toHaveBeenCalledOnce()
    verify.mockRestore()
  })

  it("is judged by the clock each time, whatever is remembered of it", async () => {
    const one = isolate(ALL)
    const token = await rsa.sign(claims({ exp: NOW + 10 }))
    expect(await one.bearer(token)).toBe("alice")
    one.pass(69_999)
    expect(await one.bearer(token)).toBe("alice")
    one.pass(1)
    expect(await one.bearer(token)).toBe("expired")
  })

  it("is judged anew by what a new revision says, whatever is remembered of it", async () => {
    const one = isolate(ALL)
    const token = await rsa.sign(claims())
    const [jwt] = ALL.jwt!
    expect(await one.bearer(token)).toBe("alice")
    one.adopt({ ...ALL, jwt: [{ ...jwt!, audiences: ["web"] }] })
    expect(await one.bearer(token)).toBe("wrong_audience")
    one.adopt({ ...ALL, jwt: [{ ...jwt!, algorithms: ["ES256"] }] })
    expect(await one.bearer(token)).toBe("algorithm_not_allowed")
    one.adopt({ ...ALL, jwt: [{ ...jwt!, jwks: { keys: [elliptic.jwk] } }] })
    expect(await one.bearer(token)).toBe("unknown_key")
    one.adopt({ ...ALL, jwt: [{ ...jwt!, jwks: { keys: [{ ...rsa.jwk, use: "enc" }] } }] })
    expect(await one.bearer(token)).toBe("unknown_key")
    one.adopt(ALL)
    expect(await one.bearer(token)).toBe("alice")
  })

  it("is not taken by one issuer's key for another issuer, whatever is remembered of it", async () => {
    const [jwt] = ALL.jwt!
    const other = { ...jwt!, issuer: "https://other.test", jwks: { keys: [{ ...elliptic.jwk, kid: rsa.id! }] } }
    const one = isolate({ ...ALL, jwt: [jwt!, other] })
    const token = await rsa.sign(claims())
    expect(await one.bearer(token)).toBe("alice")
    expect(await one.bearer(await rsa.sign(claims({ iss: "https://other.test" })))).toBe("unknown_key")
    const same = { ...other, jwks: { keys: [{ ...(await makeSigner("RS256")).jwk, kid: rsa.id! }] } }
    one.adopt({ ...ALL, jwt: [jwt!, same] })
    expect(await one.bearer(await rsa.sign(claims({ iss: "https://other.test" })))).toBe("bad_signature")
  })

  it("of a key that its issuer takes back is refused with the next look at the keys", async () => {
    let keys = [rsa.jwk, elliptic.jwk]
    const one = isolate({ gateways: ["default"], jwt: [{ issuer: ISSUER, jwks: "https://iss.test/jwks" }] }, () => ({
      keys,
    }))
    const token = await rsa.sign(claims({ exp: NOW + 10_000 }))
    expect(await one.bearer(token)).toBe("alice")
    keys = [elliptic.jwk]
    one.pass(LIMITS.jwksFreshMs - 1)
    expect([await one.bearer(token), one.fetches()]).toEqual(["alice", 1])
    one.pass(1)
    expect([await one.bearer(token), one.fetches()]).toEqual(["alice", 2])
    await one.settled()
    expect([await one.bearer(token), one.fetches()]).toEqual(["unknown_key", 2])
  })

  it("is nobody's when the keys of one possible issuer cannot be had, and the other says no", async () => {
    const [jwt] = ALL.jwt!
    const document: AuthenticationDocument = {
      gateways: ["default"],
      jwt: [
        { ...jwt!, audiences: ["web"] },
        { ...jwt!, jwks: "https://iss.test/jwks" },
      ],
    }
    const token = await rsa.sign(claims())
    expect(await isolate(document, () => ({ wrong: 1 })).bearer(token)).toBe("keys_unavailable")
    expect(await isolate(document, () => ({ keys: [rsa.jwk] })).bearer(token)).toBe("alice")
  })
})

describe("an API key", () => {
  const secret = (id: string) => `weft_key_${id}_${"s".repeat(32)}`
  const document: AuthenticationDocument = { gateways: ["default"], required: false, keys: {}, jwt: ALL.jwt! }
  const made = async (id: string, more: object = {}) => ({
    ...{ id, owner: "Acme", scopes: ["read"], hash: await digest(secret(id)), version: 1 },
    ...more,
  })

  it("is known by its hash, from the moment that the isolate has heard of it until it hears that it is gone", async () => {
    const one = isolate(document)
    const headers = { "x-api-key": secret("acme") }
    expect(await one.judge(headers)).toBe("keys_unavailable")
    one.apiKeys.hear({ version: 0, whole: true, made: [], gone: [] })
    expect(await one.judge(headers)).toBe("unknown_api_key")
    one.apiKeys.hear({ version: 1, made: [await made("acme"), await made("other")], gone: [] })
    expect(await one.judge(headers)).toBe("acme")
    one.apiKeys.hear({ version: 2, made: [], gone: [{ id: "acme", version: 2 }] })
    expect(await one.judge(headers)).toBe("unknown_api_key")
    // News that come late change nothing.
    one.apiKeys.hear({ version: 1, made: [await made("acme")], gone: [] })
    expect(await one.judge(headers)).toBe("unknown_api_key")
    expect(await one.judge({ "x-api-key": secret("other") })).toBe("other")
    one.apiKeys.hear({ version: 5, whole: true, made: [await made("acme")], gone: [] })
    expect(await one.judge({ "x-api-key": secret("other") })).toBe("unknown_api_key")
  })

  it("that was made anew under the same id has one secret only", async () => {
    const one = isolate(document)
    const fresh = secret("acme").replace(/s$/, "t")
    one.apiKeys.hear({ version: 1, made: [await made("acme")], gone: [] })
    one.apiKeys.hear({ version: 2, made: [await made("acme", { hash: await digest(fresh) })], gone: [] })
    expect(await one.judge({ "x-api-key": secret("acme") })).toBe("unknown_api_key")
    expect(await one.judge({ "x-api-key": fresh })).toBe("acme")
  })

  it("ends", async () => {
    const one = isolate(document)
    one.apiKeys.hear({ version: 1, made: [await made("acme", { expiresAtMs: (NOW + 1) * 1000 })], gone: [] })
    expect(await one.judge({ "x-api-key": secret("acme") })).toBe("acme")
    one.pass(1_000)
    expect(await one.judge({ "x-api-key": secret("acme") })).toBe("expired_api_key")
  })

  it.each([
    ["empty", ""],
    ["two lines", `${secret("acme")}, ${secret("acme")}`],
    ["a token", "a.b.c"],
    ["with a space", ` ${secret("acme")}`],
    ["another's", secret("acme").replace(/s$/, "S")],
  ])("that is %s is refused, never overlooked", async (_what, text) => {
    const one = isolate(document)
    one.apiKeys.hear({ version: 1, made: [await made("acme")], gone: [] })
    expect(await one.judge({ "x-api-key": text })).toBe("unknown_api_key")
  })

  it("is told from a token where both may stand", async () => {
    const shared = { ...document, keys: { from: [{ header: "authorization" }] } }
    const one = isolate(shared)
    one.apiKeys.hear({ version: 1, made: [await made("acme")], gone: [] })
    expect(await one.bearer(secret("acme"))).toBe("acme")
    expect(await one.bearer(secret("other"))).toBe("unknown_api_key")
    expect(await one.bearer(await signers[0]!.sign(claims()))).toBe("alice")
    // Where keys are not looked for, one is a bad token.
    const apart = isolate(document)
    apart.apiKeys.hear({ version: 1, made: [await made("acme")], gone: [] })
    expect(await apart.bearer(secret("acme"))).toBe("token_malformed")
  })

  it("has its use told once", async () => {
    const one = isolate(document)
    one.apiKeys.hear({ version: 1, made: [await made("acme")], gone: [] })
    await one.judge({ "x-api-key": secret("acme") })
    one.pass(5)
    await one.judge({ "x-api-key": secret("acme") })
    expect(one.apiKeys.uses()).toEqual([{ id: "acme", atMs: NOW * 1000 + 5 }])
    expect(one.apiKeys.uses()).toBe(undefined)
  })
})

describe("checkpoints", () => {
  it("of places that the same authentications cover are the same, so that nothing is asked twice", () => {
    const all = new Checkpoints([{ ...authentication(ALL), target: { of: "mesh" } }])
    const gateway = all.at({ at: "gateway", gateway: DEFAULT_GATEWAY })
    expect(gateway).toBe(all.at({ at: "service", service: "team-a/orders" as never }))
    expect(gateway?.challenge).toBe("Bearer")
  })
})
