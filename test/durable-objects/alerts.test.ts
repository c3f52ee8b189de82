/** The object of alerts from a revision to a webhook: what it counts, judges, tells, and what it still knows when it was killed. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { sign } from "#durable-objects/webhook.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { AlertList, AlertStatus, Silence } from "#shared/protocol/alerts.ts"
import type { AuditList } from "#shared/protocol/control-api.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { signedText } from "#shared/telemetry/notification.ts"
import { SeriesTable } from "#shared/telemetry/series-table.ts"
import { encode } from "#shared/telemetry/wire.ts"
import { FAR_MS } from "#test/support/far-future.ts"
import { call, confirmed, controlEnv, documents, get, makeToken } from "#test/workers/control/support.ts"
import { evict } from "./evict.ts"

const { ALERTS, ROUTE_TABLE, TELEMETRY } = controlEnv
const MINUTE_MS = LIMITS.alertStepMs
const SECRET = "a secret of the suite, long enough".replaceAll(" ", "-")

const PROMISE = {
  services: { orders: {}, payments: {} },
  routes: { shop: { hosts: ["shop.test"], rules: [{ backends: [{ service: "orders" }] }] } },
  slos: { "orders-up": { service: "orders", target: 99, for: "0s", notify: ["oncall"] } },
  receivers: { oncall: { webhook: { url: "https://oncall.test/weft", secret: SECRET } } },
}

const DAY_MS = 24 * 60 * 60 * 1000

let tests = 0
let startMs = FAR_MS
let nowMs = FAR_MS
let sequence = 0

beforeEach(async () => {
  // Each test has an object and a day of its own, so that nothing has to be taken down before it.
  tests += 1
  const name = `mesh-${tests}`
  vi.spyOn(ALERTS, "getByName").mockImplementation(() => ALERTS.get(ALERTS.idFromName(name)) as never)
  await received()
  for (const at of ["oncall.test", "other.test"]) await answers(at, 204)
  startMs = FAR_MS + tests * DAY_MS
  nowMs = startMs
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const object = () => ALERTS.getByName(MESH)
const received = async () =>
  (await fetch("https://received.test/")).json<
    { host: string; pathname: string; headers: Record<string, string>; body: string; status: number }[]
  >()
const answers = (at: string, status: number, headers = {}) =>
  fetch("https://told.test/", { method: "POST", body: JSON.stringify({ at, status, headers }) })
const told = async () => (await received()).map(({ body }) => JSON.parse(body).status as string)

/** The mesh is this and nothing else; the object is told of it, if it was not, and has not looked yet. */
async function apply(content: unknown): Promise<void> {
  const response = await confirmed("POST", "/v1/apply", { body: documents(content, { prune: true }) })
  if (response.status !== 200) throw new Error(await response.text())
  await runDurableObjectAlarm(ROUTE_TABLE.getByName(MESH))
}

/** What a commit that changed nothing would not do. */
async function promise(content: unknown = PROMISE): Promise<void> {
  await apply(content)
  await object().follow(1)
}

/** Requests that an isolate of this shard counted in the minute that is under way. */
async function seen(to: string, times: number, status = 200, { shard = "weur", ms = 8, rule = "default/shop/0" } = {}) {
  const table = new SeriesTable()
  const row = table.row("public", to, "", rule, "", status, "")
  for (let time = 0; time < times; time++) table.count(row, ms, 1, false, 0, 0)
  // A second after the one before, so that it is stored at once.
  vi.setSystemTime(nowMs + (++sequence % 50) * 1000)
  const report = { isolate: "i", sequence, series: encode(table.take()), tallies: [], snapshotAgeMs: 0 }
  await TELEMETRY.get(TELEMETRY.idFromName(shard)).report(report)
}

/** The minute ends, and is judged. */
async function minute(count = 1): Promise<void> {
  for (; count > 0; count--) {
    nowMs += MINUTE_MS
    vi.setSystemTime(nowMs)
    await judge()
  }
}

async function judge(): Promise<void> {
  vi.setSystemTime(nowMs + LIMITS.alertSettleMs)
  await runDurableObjectAlarm(object())
  vi.setSystemTime(nowMs)
}

const alarmAt = () => runInDurableObject(object(), (_one, { storage }) => storage.getAlarm())
const list = () => get<AlertList>("/v1/alerts")
async function alert(slo = "default/orders-up", severity: AlertStatus["severity"] = "page"): Promise<AlertStatus> {
  const found = (await list()).slos.find(({ id }) => id === slo)
  return found!.alerts.find((one) => one.severity === severity)!
}

describe("a mesh without objectives", () => {
  it("has no object that keeps anything, and no alerts", async () => {
    await apply({ services: { orders: {} } })
    expect(await list()).toEqual({ slos: [], silences: [], receivers: [], missing: [] })
    expect(await alarmAt()).toBeNull()
  })
})

describe("the object", () => {
  it("looks again when it is told of a revision while it looks at an older one", async () => {
    const table = vi.spyOn(ROUTE_TABLE, "getByName").mockImplementation((() => ({
      async head() {
        await object().follow(1)
        return undefined
      },
      rollout: async () => undefined,
    })) as never)
    await object().follow(1)
    await runDurableObjectAlarm(object())
    table.mockRestore()
    expect(await alarmAt()).not.toBeNull()
    await promise()
    await judge()
    expect((await list()).slos).toHaveLength(1)
  })

  it("asks again while the route table does not answer, and goes on by what it knows", async () => {
    await promise()
    await minute()
    const table = vi.spyOn(ROUTE_TABLE, "getByName").mockImplementation((() => ({
      head: () => Promise.reject(new Error("down")),
      rollout: async () => undefined,
    })) as never)
    await seen("default/orders", 100, 503)
    await minute()
    table.mockRestore()
    expect(await alert()).toMatchObject({ phase: "firing" })
  })

  it("keeps nothing of a round that fails, and tells it all in the next one", async () => {
    await promise()
    await minute()
    await seen("default/orders", 100, 503)
    const failing = vi.spyOn(crypto, "randomUUID").mockImplementationOnce(() => {
      throw new Error("a bug")
    })
    await minute()
    expect(failing).toHaveBeenCalled()
    failing.mockRestore()
    expect(await received()).toEqual([])
    expect(await alarmAt()).not.toBeNull()
    await minute()
    expect(await told()).toEqual(["firing", "firing"])
    expect((await list()).slos).toMatchObject([{ total: 100, bad: 100 }])
  })
})

describe("an objective that is not kept", () => {
  beforeEach(() => promise())

  it("fires, tells the receiver, signed, and is resolved when it is kept again", async () => {
    await minute()
    await seen("default/orders", 80)
    await seen("default/orders", 20, 503)
    await minute()
    expect(await alert()).toMatchObject({ phase: "firing", sinceMs: nowMs })
    const [first, ...more] = await received()
    // The page and the ticket.
    expect(more).toHaveLength(1)
    const { headers, body, host, pathname } = first!
    expect([host, pathname]).toEqual(["oncall.test", "/weft"])
    const timestamp = Number(headers["webhook-timestamp"])
    expect(timestamp).toBe(Math.floor((nowMs + LIMITS.alertSettleMs) / 1000))
    expect(headers["webhook-signature"]).toBe(
      `v1,${await sign(SECRET, signedText(headers["webhook-id"]!, timestamp, body))}`,
    )
    expect(JSON.parse(body)).toMatchObject({
      version: "4",
      status: "firing",
      receiver: "default/oncall",
      commonLabels: { alertname: "orders-up", namespace: "default", severity: "page", service: "default/orders" },
      alerts: [{ status: "firing", startsAt: new Date(nowMs).toISOString(), endsAt: "0001-01-01T00:00:00Z" }],
    })
    // Five minutes later the shorter window is clear, and stays so.
    for (let passed = 0; passed < 5 + 2; passed++) {
      await seen("default/orders", 1_000)
      await minute()
    }
    expect(await alert()).toMatchObject({ phase: "resolved" })
    expect(await told()).toEqual(["resolved", "resolved"])
  })

  it("is pending for as long as it says before it fires", async () => {
    await apply({ ...PROMISE, slos: { "orders-up": { ...PROMISE.slos["orders-up"], for: "2m" } } })
    await minute()
    await seen("default/orders", 100, 503)
    await minute()
    expect(await alert()).toMatchObject({ phase: "pending" })
    await minute()
    expect(await alert()).toMatchObject({ phase: "pending" })
    expect(await received()).toEqual([])
    await minute()
    expect(await alert()).toMatchObject({ phase: "firing" })
    expect(await told()).toEqual(["firing", "firing"])
  })

  it("is judged by routes and by latency too", async () => {
    await apply({
      ...PROMISE,
      slos: {
        "shop-fast": { route: "shop", target: 90, latency: "250ms", for: "0s" },
        "shop-up": { route: "shop", target: 90, for: "0s" },
      },
    })
    await minute()
    await seen("default/orders", 50, 200, { ms: 900 })
    await seen("default/orders", 50, 200, { ms: 250 })
    await seen("default/payments", 50, 503, { rule: "default/shopping/0", ms: 900 })
    await minute()
    const { slos } = await list()
    expect(slos.map(({ id, total, bad, withinMs }) => ({ id, total, bad, withinMs }))).toEqual([
      { id: "default/shop-fast", total: 100, bad: 50, withinMs: 250 },
      { id: "default/shop-up", total: 100, bad: 0, withinMs: undefined },
    ])
  })

  it("tells who becomes a receiver while it fires at once, and the others nothing new", async () => {
    await minute()
    await seen("default/orders", 100, 503)
    await minute()
    expect((await received()).map(({ host }) => host)).toEqual(["oncall.test", "oncall.test"])
    const boss = { webhook: { url: "https://other.test/weft", secret: SECRET } }
    const slos = { "orders-up": { ...PROMISE.slos["orders-up"], notify: ["oncall", "boss"] } }
    await promise({ ...PROMISE, slos, receivers: { ...PROMISE.receivers, boss } })
    await judge()
    const more = await received()
    expect(more.map(({ host, body }) => [host, JSON.parse(body).status])).toEqual([
      ["other.test", "firing"],
      ["other.test", "firing"],
    ])
    await minute()
    expect(await received()).toEqual([])
  })

  it("goes on where it was when the object is killed, and counts nothing twice", async () => {
    await minute()
    await seen("default/orders", 100, 503)
    await minute()
    await evict(object())
    expect((await list()).slos[0]).toMatchObject({ total: 100, bad: 100 })
    await judge()
    await minute()
    expect((await list()).slos[0]).toMatchObject({ total: 100, bad: 100 })
    expect(await alert()).toMatchObject({ phase: "firing" })
    expect(await told()).toEqual(["firing", "firing"])
  })

  it("counts what a shard counted while it did not answer, once it does, and ends nothing meanwhile", async () => {
    const real = TELEMETRY.getByName.bind(TELEMETRY)
    await minute()
    await seen("default/orders", 100, 503)
    await minute()
    expect(await alert()).toMatchObject({ phase: "firing" })
    const shard = (name: string) => (name === "enam" ? { window: () => Promise.reject(new Error("down")) } : real(name))
    const broken = vi.spyOn(TELEMETRY, "getByName").mockImplementation(shard as never)
    // Long enough for the alert to be over, as far as the others know.
    await seen("default/orders", 10_000)
    nowMs += 7 * MINUTE_MS
    await minute(3)
    await seen("default/orders", 7, 503, { shard: "enam" })
    await minute()
    expect(await list()).toMatchObject({ missing: ["enam"], slos: [{ total: 10_100, bad: 100 }] })
    expect(await alert()).toMatchObject({ phase: "firing" })
    broken.mockRestore()
    await minute()
    expect(await list()).toMatchObject({ missing: [], slos: [{ total: 10_107, bad: 107 }] })
  })

  it("is over when it is promised no more, and whoever was told hears of it", async () => {
    await minute()
    await seen("default/orders", 100, 503)
    await minute()
    await received()
    await apply({ ...PROMISE, slos: {} })
    await judge()
    expect(await told()).toEqual(["resolved", "resolved"])
    expect((await list()).slos).toEqual([])
    await judge()
    expect(await alarmAt()).toBeNull()
  })
})

describe("a notification", () => {
  beforeEach(async () => {
    await promise()
    await minute()
    await seen("default/orders", 100, 503)
  })

  it("is sent again under its id until it is taken, ever less often, and says why it waits", async () => {
    await answers("oncall.test", 503)
    await minute()
    const ids = async () => (await received()).map(({ headers }) => headers["webhook-id"]).sort()
    const first = await ids()
    expect(first).toHaveLength(2)
    expect((await list()).receivers).toMatchObject([{ id: "default/oncall", waiting: 2, because: "it answered 503" }])
    await evict(object())
    await minute()
    expect(await ids()).toEqual(first)
    await answers("oncall.test", 204)
    await minute()
    expect(await ids()).toEqual(first)
    expect((await list()).receivers).toEqual([{ id: "default/oncall", waiting: 0 }])
  })

  it("follows no redirect", async () => {
    await answers("oncall.test", 307, { location: "https://other.test/" })
    await minute()
    expect((await received()).map(({ host }) => host)).toEqual(["oncall.test", "oncall.test"])
    expect((await list()).receivers).toMatchObject([{ waiting: 2, because: "it answered 307" }])
  })

  it("waits as long as the receiver asks", async () => {
    await answers("oncall.test", 429, { "retry-after": "600" })
    await minute()
    await received()
    nowMs += 8 * MINUTE_MS
    await minute()
    expect(await received()).toEqual([])
    await minute(2)
    expect(await received()).toHaveLength(2)
  })

  it("is given up when the receiver is gone, and after a day", async () => {
    await answers("oncall.test", 410)
    await minute()
    expect((await list()).receivers).toEqual([{ id: "default/oncall", waiting: 0 }])
  })

  it("is not sent to where this mesh may not go any more", async () => {
    await runInDurableObject(object(), (_instance, { storage }) => {
      const kept = storage.kv.get<{ alerting: { receivers: { url: string }[] } }>("alerting")!
      kept.alerting.receivers[0]!.url = "https://169.254.169.254/weft"
      storage.kv.put("alerting", kept)
    })
    await evict(object())
    await minute()
    expect(await received()).toEqual([])
    expect((await list()).receivers).toMatchObject([{ waiting: 2, because: "this mesh may not reach its URL" }])
  })
})

describe("people", () => {
  beforeEach(async () => {
    await promise()
    await minute()
  })
  const silenceIt = (body: object, token?: string) =>
    call("POST", "/v1/alerts/silences", { body: { forSeconds: 600, ...body }, ...(token && { token }) })

  it("silence an objective: receivers hear of it when the silence is over and it still fires", async () => {
    const silenced = await silenceIt({ namespace: "default", slo: "orders-up", reason: "migration\u0007" })
    expect(silenced.status).toBe(201)
    expect(await silenced.json()).toMatchObject({ by: "root", reason: "migration", untilMs: nowMs + 600_000 })
    await seen("default/orders", 100, 503)
    await minute()
    expect(await alert()).toMatchObject({ phase: "firing", silenced: { untilMs: startMs + MINUTE_MS + 600_000 } })
    expect(await received()).toEqual([])
    nowMs += 7 * MINUTE_MS
    vi.setSystemTime(nowMs)
    await seen("default/orders", 100, 503)
    await minute()
    expect(await received()).toEqual([])
    await minute()
    expect(await told()).toEqual(["firing", "firing"])
  })

  it("end a silence before its time", async () => {
    const { id } = await (await silenceIt({})).json<Silence>()
    expect((await list()).silences).toHaveLength(1)
    expect((await call("DELETE", `/v1/alerts/silences/${id}`)).status).toBe(204)
    expect((await call("DELETE", `/v1/alerts/silences/${id}`)).status).toBe(404)
    expect((await list()).silences).toEqual([])
  })

  it("acknowledge what fires, and are not reminded of it", async () => {
    const body = { namespace: "default", slo: "orders-up", forSeconds: 12 * 3600 }
    expect((await call("POST", "/v1/alerts/acknowledge", { body })).status).toBe(409)
    await seen("default/orders", 100_000, 503)
    await minute()
    const acknowledged = await call("POST", "/v1/alerts/acknowledge", { body })
    expect(await acknowledged.json()).toEqual({ alerts: 2 })
    expect(await alert()).toMatchObject({ acknowledged: { by: "root" } })
    await received()
    nowMs += LIMITS.alertRepeatMs - 2 * MINUTE_MS
    vi.setSystemTime(nowMs)
    await seen("default/orders", 100_000, 503)
    await minute(3)
    expect(await received()).toEqual([])
  })

  it("are reminded of what nobody acknowledged", async () => {
    await seen("default/orders", 100_000, 503)
    await minute()
    expect(await received()).toHaveLength(2)
    nowMs += LIMITS.alertRepeatMs - 3 * MINUTE_MS
    vi.setSystemTime(nowMs)
    await seen("default/orders", 100_000, 503)
    await minute()
    expect(await received()).toEqual([])
    await minute(2)
    expect(await told()).toEqual(["firing", "firing"])
  })

  it("need the role, and may silence what is theirs only", async () => {
    const viewer = await makeToken("viewer", "viewer")
    const other = await makeToken("other", "operator", { namespaces: ["team-a"] })
    expect((await silenceIt({}, viewer)).status).toBe(403)
    for (const body of [{}, { namespace: "default" }, { namespace: "default", slo: "orders-up" }]) {
      expect((await silenceIt(body, other)).status).toBe(403)
    }
    expect((await silenceIt({ slo: "orders-up" })).status).toBe(400)
    expect((await silenceIt({ namespace: "default", slo: "unknown" })).status).toBe(404)
    expect((await silenceIt({ namespace: "team-a" }, other)).status).toBe(201)
    const seenByOther = await (await call("GET", "/v1/alerts", { token: other })).json<AlertList>()
    expect(seenByOther).toMatchObject({ slos: [], receivers: [], silences: [{ namespace: "team-a" }] })
    const { entries } = await get<AuditList>("/v1/audit?operation=POST%20/v1/alerts/silences&outcome=done&who=other")
    expect(entries).toMatchObject([{ who: "other", target: "silence team-a" }])
  })
})
