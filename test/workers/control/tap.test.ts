import { afterEach, describe, expect, it, vi } from "vitest"
import type { TapMessage, TappedExchange } from "#shared/model/tap.ts"
import type { AuditEntry } from "#shared/protocol/audit.ts"
import type { AuditList } from "#shared/protocol/control-api.ts"
import { TAP } from "#shared/protocol/tap.ts"
import { tapText } from "#workers/control/tap.ts"
import { call, controlEnv, get, makeToken, problemOf } from "./support.ts"

it.each([
  ["header=x-tenant&value=acme", 204],
  ["header=authorization", 204],
  ["header=authorization&value=Bearer%20guess", 400],
  ["header=X-Api-Key&value=guess", 400],
])("a tap for %s is answered with %i: what is never shown cannot be guessed either", async (query, status) => {
  const response = await call("GET", `/v1/tap?${query}`)
  expect(response.status).toBe(status)
  if (status === 400) expect((await problemOf(response)).detail).toContain("never shown")
})

const sockets: WebSocket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
})

const entries = async () => (await get<AuditList>("/v1/audit?who=eyes")).entries
/** All shards of telemetry are told of a tap before it has ended; most have to be made first. */
const SLOWLY = { timeout: 30_000, interval: 50 }

async function opened(search: string, token: string) {
  const response = await call("GET", `/v1/tap?${search}`, { token, headers: { upgrade: "websocket" } })
  const messages: TapMessage[] = []
  const socket = response.webSocket!
  sockets.push(socket)
  socket.accept()
  socket.addEventListener("message", ({ data }) => void messages.push(JSON.parse(data as string) as TapMessage))
  return { response, socket, messages }
}

describe("a tap in the audit log", { timeout: 60_000 }, () => {
  it("is there while it is open, with who, what and how long, and then with how much it showed", async () => {
    const token = await makeToken("eyes", "operator")
    await call("GET", "/v1/tap?to=a", { token })
    expect(await entries()).toEqual([])
    const { response, socket, messages } = await opened("to=a&status=5xx&seconds=30", token)
    expect(response.status).toBe(101)
    const target = "tap to a status 5xx for 30 s"
    const begun = { who: "eyes", operation: "GET /v1/tap", target, outcome: "unknown" }
    const found = await entries()
    expect(found).toEqual([{ ...begun, ...kept(found[0]!), count: 1 }])
    const tap = controlEnv.TAP.getByName(TAP)
    const { id } = (await tap.deliver({ exchanges: [], dropped: [] }))!.taps[0]!
    const exchange = { status: 503 } as TappedExchange
    for (let time = 0; time < 2; time++) await tap.deliver({ exchanges: [[id, exchange]], dropped: [] })
    await vi.waitFor(() => expect(messages).toHaveLength(2), SLOWLY)
    socket.close()
    await vi.waitFor(async () => {
      expect(await entries()).toMatchObject([{ ...begun, outcome: "done", status: 101, shown: 2 }])
    }, SLOWLY)
    const [ended] = await entries()
    expect(ended!.lastAtMs).toBeGreaterThanOrEqual(ended!.atMs)
  })

  it("is opened only if the log can be reached", async () => {
    const { createApp, serve } = await import("#workers/control/app.ts")
    const { createExecutionContext } = await import("cloudflare:test")
    const said = vi.spyOn(console, "error").mockImplementation(() => {})
    const gone = { getByName: () => ({ begin: () => Promise.reject(new Error("gone")) }) }
    const headers = { authorization: "Bearer test-root-token-of-the-suite", upgrade: "websocket" }
    const request = new Request("https://control.example/v1/tap", { headers })
    const env = { ...controlEnv, AUDIT: gone as unknown as (typeof controlEnv)["AUDIT"] }
    expect((await serve(createApp(), request, env, createExecutionContext())).status).toBe(503)
    said.mockRestore()
  })
})

it("a trace that was looked at is in the audit log, and has its own room there", async () => {
  const id = "0af7651916cd43dd8448eb211c80319c"
  expect((await call("GET", `/v1/traces/${id}`)).status).toBe(404)
  const [entry] = (await get<AuditList>("/v1/audit?who=root")).entries
  expect(entry).toMatchObject({ operation: "GET /v1/traces/{id}", target: `trace ${id}`, outcome: "failed" })
})

it("a filter is told without what somebody wrote", () => {
  expect(tapText({})).toBe("tap of everything for 300 s")
  const path = "/orders/1234567"
  expect(tapText({ from: "public", path, header: "x-tenant", value: "acme", slower: 5, seconds: 60 })).toBe(
    "tap from public path /orders/0000000 slower than 5 ms header x-tenant of one value for 60 s",
  )
  expect(tapText({ method: "a\nb", path: "/<b>", header: "a!" })).toBe(
    "tap method of some kind path of some kind header of some kind for 300 s",
  )
})

function kept({ id, atMs, requestId, address }: AuditEntry) {
  return { id, atMs, requestId, address }
}
