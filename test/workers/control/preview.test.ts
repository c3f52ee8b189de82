import { beforeAll, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { SampledHead } from "#shared/model/sample.ts"
import type { AuditList, RevisionList } from "#shared/protocol/control-api.ts"
import type { Preview } from "#shared/protocol/preview.ts"
import { encode } from "#shared/telemetry/wire.ts"
import { evict } from "#test/durable-objects/evict.ts"
import { call, controlEnv, documents, get, makeToken } from "./support.ts"

const shard = () => controlEnv.TELEMETRY.getByName("weur")
const NOW_MS = Date.now()
let sequence = 0

async function report(heads: readonly unknown[]): Promise<void> {
  sequence += 1
  const common = { isolate: "i", sequence, series: encode([]), tallies: [], snapshotAgeMs: 0 }
  await shard().report({ ...common, heads: heads as SampledHead[] })
}

const head = (path: string, weight: number): SampledHead => ({
  ...{ atMs: NOW_MS, weight, method: "GET", url: `https://shop.test${path}`, headers: [] },
})
const mesh = (rules: object[]) =>
  documents({ services: { orders: {}, catalog: {} }, routes: { shop: { hosts: ["shop.test"], rules } } })
const ORDERS = { backends: [{ service: "orders" }] }
const CATALOG = { match: { path: "/catalog" }, backends: [{ service: "catalog" }] }

async function preview(body: unknown): Promise<Preview> {
  const response = await call("POST", "/v1/preview", { body })
  expect(response.status).toBe(200)
  return response.json()
}

beforeAll(async () => {
  await call("POST", "/v1/apply", { body: mesh([ORDERS]) })
})

describe("a preview", () => {
  it("without samples says so", async () => {
    expect((await preview(mesh([ORDERS, CATALOG]))).blast).toMatchObject({
      samples: 0,
      requests: 0,
      share: 0,
      changes: [],
    })
  })

  it("replays what isolates saw through both tables, and writes nothing", async () => {
    await report([head("/catalog", 30), head("/orders", 70)])
    const { head: against, changes, blast, missing } = await preview(mesh([ORDERS, CATALOG]))
    expect([against, changes.length, missing]).toEqual([1, 1, []])
    expect(blast).toMatchObject({ samples: 2, requests: 100, share: 0.3 })
    expect(blast.changes).toMatchObject([
      { kind: "backend", before: "default/orders", after: "default/catalog", share: 0.3 },
    ])
    expect((await get<RevisionList>("/v1/revisions")).revisions).toHaveLength(1)
    const [entry] = (await get<AuditList>("/v1/audit")).entries
    expect(entry).toMatchObject({ who: "root", operation: "POST /v1/preview", outcome: "done", shown: 2 })
  })

  it("is refused as the apply would be, and to whom the whole mesh is not shown", async () => {
    const wrong = await call("POST", "/v1/preview", { body: documents({ routes: { a: { rules: [] } } }) })
    expect(wrong.status).toBe(422)
    const token = await makeToken("narrow", "operator", { namespaces: ["default"] })
    expect((await call("POST", "/v1/preview", { body: mesh([ORDERS]), token })).status).toBe(403)
  })

  it("takes no head that is none, keeps the newest of too many, and has them when the object is started anew", async () => {
    await report([
      {},
      null,
      "x",
      { atMs: 1, weight: -1 },
      { ...head("/", 1), url: "x".repeat(2_000) },
      { ...head("/", 1), headers: 7 },
    ])
    expect(await shard().heads()).toHaveLength(2)
    for (let time = 0; time < 3; time++) await report([...Array(20)].map(() => head(`/${time}`, 1)))
    expect(await shard().heads()).toHaveLength(2 + 3 * LIMITS.headsOfReport)
    // They are stored with the slot that is over.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + LIMITS.telemetrySlotMs })
    await report([head("/last", 1)])
    await evict(shard())
    expect(await shard().heads()).toHaveLength(2 + 3 * LIMITS.headsOfReport)
    vi.useRealTimers()
  })
})
