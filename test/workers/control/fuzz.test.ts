/** A short run of `npm run fuzz`, inside the runtime: what that one sends over the wire no client would let through here. */
import { exports } from "cloudflare:workers"
import * as fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import type { Schema } from "#fuzz/from-schema.ts"
import { type FuzzAnswer, faultsOf } from "#fuzz/judge.ts"
import { type ApiDocument, type FuzzRequest, requests } from "#fuzz/requests.ts"
import { call, documents, get, makeToken, ORIGIN, ROOT_TOKEN } from "./support.ts"

const RUNS = 800
const SEED = 20_261_125
const SECRET = "k3y-that-nobody-reads-back"

const worker = (exports as unknown as { default: Fetcher }).default
let tokens: string[] = []

beforeAll(async () => {
  const viewer = await makeToken("fuzz-viewer", "viewer")
  const limited = await makeToken("fuzz-team", "operator", { namespaces: ["team-a"] })
  tokens = [ROOT_TOKEN, ROOT_TOKEN, ROOT_TOKEN, viewer, limited]
  const rules = [{ filters: [{ respond: { status: 200, headers: { "x-api-key": SECRET } } }] }]
  await call("POST", "/v1/apply", { body: documents({ routes: { hidden: { hosts: ["hidden.example"], rules } } }) })
})

async function send({ method, target, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
  const bytes = body === undefined ? undefined : Uint8Array.from(body, (byte) => byte.charCodeAt(0))
  const init = { method, headers: headers.map((pair) => [...pair]), redirect: "manual" as const }
  const response = await worker.fetch(ORIGIN + target, { ...init, ...(bytes && { body: bytes }) })
  return { status: response.status, headers: new Map(response.headers), body: await response.text() }
}

describe("whatever is sent", () => {
  it("is answered, and refused as a problem", { timeout: 280_000 }, async () => {
    const options = {
      api: await get<ApiDocument>("/openapi.json"),
      documents: await get<Schema>("/v1/schema.json"),
      tokens,
      raw: false,
    }
    const statuses = new Map<number, number>()
    const property = fc.asyncProperty(requests(options), async (request) => {
      const answer = await send(request)
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      const brought = `${request.target} ${request.headers} ${request.body}`
      const secrets = [SECRET, ...tokens].filter((secret) => !brought.includes(secret))
      expect(faultsOf(request, answer, secrets), JSON.stringify(request)).toEqual([])
    })
    await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: true })
    // It gets past the shapes: things are made, refused for what they say, and forbidden.
    for (const status of [200, 201, 204, 400, 401, 403, 404, 405, 415, 422])
      expect([...statuses.keys()]).toContain(status)
  })

  it("leaves a mesh that can be used", async () => {
    // Something may have been applied under guard: until that is over, other changes wait.
    await call("POST", "/v1/rollout", { body: { action: "undo" } })
    const response = await call("POST", "/v1/apply", { body: documents({ services: { afterwards: {} } }) })
    expect(response.status).toBe(200)
  })
})

describe("the judge", () => {
  const request: FuzzRequest = { method: "GET", target: "/", headers: [], body: undefined }
  const answer = async (): Promise<FuzzAnswer> => send({ ...request, target: "/nothing" })

  it.each<[string, (one: FuzzAnswer) => FuzzAnswer, string]>([
    ["a crash", (one) => ({ ...one, status: 500 }), "failed with 500"],
    [
      "a page",
      (one) => ({ ...one, headers: new Map([...one.headers, ["content-type", "text/html"]]) }),
      "of type text/html",
    ],
    ["half a problem", (one) => ({ ...one, body: '{"status":401}' }), "without its parts"],
    ["no JSON", (one) => ({ ...one, body: "{" }), "not JSON"],
    ["a secret", (one) => ({ ...one, body: one.body.replace("}", `,"x":"${SECRET}"}`) }), "a secret"],
    ["a frame", (one) => ({ ...one, headers: new Map([...one.headers, ["x-frame-options", ""]]) }), "x-frame-options"],
    [
      "no question",
      (one) => ({ ...one, headers: new Map([...one.headers, ["www-authenticate", ""]]) }),
      "ask for a token",
    ],
  ])("finds %s", async (_, change, fault) => {
    const right = await answer()
    expect(faultsOf(request, right, [SECRET])).toEqual([])
    expect(faultsOf(request, change(right), [SECRET]).join()).toContain(fault)
  })
})
