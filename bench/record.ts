/**
 * What it costs to count an exchange, by itself: time and memory of the stage `record` without anybody who listens.
 * Usage: `node bench/record.ts`. How much of a hop that is, `npm run bench:hop` tells: plain against uncounted.
 */

import { say } from "#scripts/progress.ts"
import type { TelemetryReply } from "#shared/protocol/telemetry.ts"
import { AccessLog } from "#workers/proxy/access-log.ts"
import type { Counted } from "#workers/proxy/recorder.ts"
import { Telemetry } from "#workers/proxy/telemetry.ts"

const TIMES = 3_000_000
const ROUNDS = 5
const START_MS = 1_700_000_000_000

const reply: TelemetryReply = { outcome: "counted", paceMs: 3_000 }
const around = {
  ...{ isolate: "bench", nowMs: () => START_MS, roll: () => 0.5, log() {}, snapshotAgeMs: () => 0 },
  sleep: () => new Promise<void>(() => {}),
  shard: () => ({ report: async () => reply }),
}
const background = { waitUntil() {} }
const rule = { id: "default/shop/checkout", matches: [{ rpc: "getOrder" }] }

/** Exchanges of several edges, as an isolate sees them in turn. */
const exchanges = Array.from({ length: 12 }, (_, index): Counted => {
  const peer = { from: `default/caller-${index % 3}`, to: undefined }
  return {
    entrance: index % 4 === 0 ? { at: "gateway", gateway: "default/default" } : { at: "service", peer },
    startedAtMs: START_MS - ((index * 37) % 400),
    trace: {
      traceId: "0af7651916cd43dd8448eb211c80319c",
      parentId: undefined,
      spanId: "b7ad6b7169203331",
      flags: "00",
    },
    matched: index % 2 === 0 ? { rule } : undefined,
    backend: {
      service: `default/service-${index % 4}`,
      ...(index % 3 === 0 && { subset: "v2" }),
      weight: 1,
      filters: [],
    },
    ...{ attempts: 1, budgetExhausted: false, limited: undefined },
  } as unknown as Counted
})
const answers = [{ status: 200 }, { status: 404 }, { refusal: "circuit_open" }] as const

for (const [protocol, asked] of [
  ["http", { method: "GET" }],
  ["rpc", { method: "getOrder" }],
] as const) {
  const telemetry = new Telemetry(around, new AccessLog(false, () => {}))
  say(protocol)
  let best = { ns: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
  for (let round = 0; round < ROUNDS; round++) {
    const heap = process.memoryUsage().heapUsed
    const startedAt = process.hrtime.bigint()
    for (let time = 0; time < TIMES; time++) {
      const answer = answers[time % 50 === 0 ? 2 : time % 20 === 0 ? 1 : 0]
      telemetry.count(exchanges[time % exchanges.length]!, protocol, asked, answer, START_MS, background)
    }
    const ns = Number(process.hrtime.bigint() - startedAt) / TIMES
    const bytes = Math.max(0, process.memoryUsage().heapUsed - heap) / TIMES
    best = { ns: Math.min(best.ns, ns), bytes: Math.min(best.bytes, bytes) }
  }
  console.log(
    `${protocol.padEnd(5)} ${best.ns.toFixed(0)} ns and ${best.bytes.toFixed(2)} bytes an exchange, the best of ${ROUNDS} times ${TIMES}`,
  )
}
