import { runDurableObjectAlarm } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { OpenTaps, TapMessage, TappedExchange } from "#shared/model/tap.ts"
import { TAP, TAP_HEADER, type TapOrder } from "#shared/protocol/tap.ts"
import { encode } from "#shared/telemetry/wire.ts"
import { FAR_MS } from "#test/support/far-future.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const bindings = env as unknown as ControlEnv
const tap = () => bindings.TAP.getByName(TAP)
const shard = () => bindings.TELEMETRY.getByName("weur")

/** Fifteen shards are told, of which most have to be made first. */
const SLOWLY = { timeout: 60_000, interval: 20 }
let sequence = 0

/** What an isolate hears of taps when it reports. */
async function heard(): Promise<OpenTaps | undefined> {
  sequence += 1
  const report = { isolate: "tapping", sequence, series: encode([]), tallies: [], snapshotAgeMs: 0 }
  const reply = await shard().report(report)
  return reply.outcome === "counted" ? reply.taps : undefined
}

/** What it hears when it shows what it saw. */
function stillOpen(): Promise<OpenTaps | undefined> {
  return shard().tapped({ exchanges: [], dropped: [] })
}

async function open(order: Partial<TapOrder> = {}) {
  const whole: TapOrder = { filter: { to: "default/a" }, perSecond: 2, endsAtMs: Date.now() + 60_000, ...order }
  const response = await tap().fetch("https://tap/", {
    headers: { upgrade: "websocket", [TAP_HEADER]: JSON.stringify(whole) },
  })
  const messages: TapMessage[] = []
  let closed = false
  const socket = response.webSocket
  socket?.accept()
  socket?.addEventListener("message", ({ data }) => void messages.push(JSON.parse(data as string) as TapMessage))
  socket?.addEventListener("close", () => {
    closed = true
  })
  return { status: response.status, socket, messages, isClosed: () => closed }
}

const exchange = (status: number) => ({ status, method: "GET" }) as unknown as TappedExchange
const sockets: WebSocket[] = []

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: FAR_MS }))
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close()
  await vi.waitFor(async () => expect(await stillOpen()).toBeUndefined(), SLOWLY)
  vi.useRealTimers()
})

async function opened(order?: Partial<TapOrder>) {
  const viewer = await open(order)
  if (viewer.socket) sockets.push(viewer.socket)
  const id = (await stillOpen())!.taps[0]!.id
  return { ...viewer, id }
}

describe("a tap", () => {
  it("is heard of by isolates that report, as long as it is open", async () => {
    expect(await heard()).toBeUndefined()
    await opened()
    expect(await vi.waitFor(async () => (await heard())!, SLOWLY)).toMatchObject({
      taps: [{ filter: { to: "default/a" }, perSecond: 2 }],
    })
    sockets.pop()!.close()
    await vi.waitFor(async () => expect(await heard()).toBeUndefined(), SLOWLY)
  })

  it("shows what isolates saw, so much a second, and says what it left out", async () => {
    const { id, messages } = await opened()
    const exchanges = [200, 201, 202].map((status) => [id, exchange(status)] as const)
    expect(
      await shard().tapped({ exchanges: [...exchanges, ["other", exchange(500)]], dropped: [[id, 4]] }),
    ).toBeDefined()
    await vi.waitFor(() => expect(messages).toHaveLength(1), SLOWLY)
    expect(messages[0]).toEqual({ kind: "exchanges", exchanges: [exchange(200), exchange(201)], dropped: 5 })
  })

  it("goes on after the object slept", async () => {
    const { id, messages } = await opened()
    await evict(tap())
    await shard().tapped({ exchanges: [[id, exchange(200)]], dropped: [] })
    await vi.waitFor(() => expect(messages).toHaveLength(1), SLOWLY)
  })

  it("ends by itself when its time is over, and is not heard of after that", async () => {
    const { messages, isClosed } = await open({ endsAtMs: Date.now() + 50 })
    vi.setSystemTime(FAR_MS + 50)
    expect(await runDurableObjectAlarm(tap())).toBe(true)
    await vi.waitFor(() => expect(messages).toEqual([{ kind: "end", because: "time" }]), SLOWLY)
    expect(isClosed()).toBe(false)
    // The viewer has not closed its end.
    expect(await runDurableObjectAlarm(tap())).toBe(true)
    await vi.waitFor(() => expect(isClosed()).toBe(true), SLOWLY)
  })

  it("is refused beside too many others, and without an order", async () => {
    for (let count = 0; count < LIMITS.tapsMax; count++) sockets.push((await open()).socket!)
    expect((await open()).status).toBe(429)
    expect((await tap().fetch("https://tap/", { headers: { upgrade: "websocket" } })).status).toBe(400)
  })
})
