import { readFile, stat } from "node:fs/promises"
import { request } from "node:http"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { apply, readYaml } from "#cli/local/seed.ts"
import type { RevisionList } from "#shared/protocol/control-api.ts"
import { folderOf } from "#test/support/cli.ts"
import { eventually } from "#test/support/eventually.ts"
import { configVariant, type SelfHosted, startSelfHosted, TOKEN } from "#test/support/self-hosted.ts"
import { ANY_PORT, serve, type Workerd } from "#test/support/workerd.ts"
import { SHOP } from "./shop-mesh.ts"

const WORKERS = ["storefront", "catalog", "payments", "orders/wrangler.v1.toml", "orders/wrangler.v2.toml"]

/** Says what it was given, in whatever letters. */
const WORD = 'a "quoted"\n\\ word: Grüße \u0001 🧵'
const TELLER = folderOf({
  "wrangler.json": JSON.stringify({
    ...{ name: "teller", main: "index.js", compatibility_date: "2026-10-20", vars: { WORD, LIMITS: { burst: 3 } } },
  }),
  "index.js": `export default { fetch: (_, { WORD, LIMITS, KEY }) => Response.json({ WORD, LIMITS, KEY }) }`,
  ".dev.vars": "KEY=a-developers-own\n",
})

/** The shop's proxy, with the teller behind it as well. */
const CONFIG = configVariant(join(SHOP, "wrangler.toml"), '[[services]]\nbinding = "TELLER"\nservice = "teller"\n')

let mesh: SelfHosted

beforeAll(async () => {
  mesh = await startSelfHosted({
    config: CONFIG,
    projects: [...WORKERS.map((project) => join(SHOP, "workers", project)), TELLER],
    env: { TELLER__KEY: "the-operators" },
  })
  const route = { hosts: ["teller.example"], rules: [{ backends: [{ service: "teller" }] }] }
  const told = { source: "test", content: { services: { teller: {} }, routes: { teller: route } } }
  await apply(mesh.controlUrl, TOKEN, { documents: [...(await readYaml(join(SHOP, "mesh.yaml"))), told] })
  await eventually(async () => (await fetch(mesh.ingressUrl)).ok)
})

afterAll(() => mesh.stop())

const revisions = async () => {
  const response = await fetch(`${mesh.controlUrl}/v1/revisions`, { headers: { authorization: `Bearer ${TOKEN}` } })
  return ((await response.json()) as RevisionList).revisions
}

describe("a mesh under plain workerd", () => {
  it("carries the shop's requests between its Workers, and is the same after a kill", async () => {
    await eventually(async () => (await fetch(mesh.ingressUrl)).ok)
    const init = { method: "POST", body: new URLSearchParams({ product: "scarf" }), redirect: "manual" } as const
    const bought = await fetch(`${mesh.ingressUrl}/buy`, init)
    const order = bought.headers.get("location")!
    const before = await revisions()

    await mesh.kill()
    await mesh.start()
    await eventually(async () => (await fetch(mesh.ingressUrl)).ok)
    expect(await (await fetch(new URL(order, mesh.ingressUrl))).text()).toContain("Herringbone scarf is yours")
    expect(await revisions()).toEqual(before)
  })

  it("gives Workers their variables letter by letter, and secrets from the environment only", async () => {
    const told = await get(`${mesh.ingressUrl}/`, { host: "teller.example" })
    expect(JSON.parse(told)).toEqual({ WORD, LIMITS: { burst: 3 }, KEY: "the-operators" })
    const config = await readFile(join(mesh.folder, "weft.capnp"), "utf8")
    expect(config).not.toMatch(/a-developers-own|the-operators/)
    expect(config).not.toContain(TOKEN)
  })

  it("takes no token at all where the operator gave none", async () => {
    const bare = await start({ WEFT_STATE: folderOf({}) })
    const answers = ["", "null", TOKEN].map(async (token) => {
      const response = await fetch(`${bare.urls.control}/v1/status`, { headers: { authorization: `Bearer ${token}` } })
      return response.status
    })
    expect(await Promise.all(answers)).toEqual([401, 401, 401])
    await bare.kill()
  })

  it("does not start twice on one state", async () => {
    await expect(start({ WEFT_STATE: join(mesh.folder, "state") })).rejects.toThrow("another runtime runs on")
  })

  it("is written without what an earlier build left", async () => {
    await expect(stat(join(mesh.folder, "workers/weft/index.js"))).resolves.toBeDefined()
    await expect(stat(join(mesh.folder, "workers/earlier"))).rejects.toThrow("ENOENT")
  })
})

function start(env: Record<string, string>): Promise<Workerd> {
  return serve(join(mesh.folder, "start"), { sockets: { ingress: ANY_PORT, control: ANY_PORT }, env })
}

/** With a host header of one's own, which fetch does not send. */
function get(url: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, async (response) => resolve(Buffer.concat(await response.toArray()).toString()))
      .on("error", reject)
      .end()
  })
}
