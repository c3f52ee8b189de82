/**
 * Calls control's objects as isolates of the proxy do, so many times, and says how many rows they wrote for it. What they do with their
 * storage is counted on its way; objects of one class run in one isolate with this Worker.
 */
import { DurableObject } from "cloudflare:workers"
import type { BreakerReport } from "#shared/protocol/breaker.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { newSample, type Series } from "#shared/telemetry/series.ts"
import { encode } from "#shared/telemetry/wire.ts"
import * as control from "#workers/control/index.ts"

let rowsWritten = 0

type ObjectClass = new (context: DurableObjectState, env: never) => object

/** The same class, whose storage counts what it writes. */
function counting<Base extends ObjectClass>(base: Base): Base {
  const Counting = class extends (base as ObjectClass) {
    constructor(context: DurableObjectState, env: never) {
      const { storage } = context
      watch(storage.sql, "exec", (cursor) => (cursor as { readonly rowsWritten: number }).rowsWritten)
      watch(storage.kv, "put", () => 1)
      watch(storage, "setAlarm", () => 1)
      super(context, env)
    }
  }
  return Counting as Base
}

function watch(target: object, name: string, rowsOf: (result: unknown) => number): void {
  const method = (target as Record<string, (...args: unknown[]) => unknown>)[name]!.bind(target)
  Object.defineProperty(target, name, {
    value: (...args: unknown[]) => {
      const result = method(...args)
      rowsWritten += rowsOf(result)
      return result
    },
  })
}

export class RouteTableObject extends counting(control.RouteTableObject) {}
export class RelayObject extends counting(control.RelayObject) {}
export class TelemetryObject extends counting(control.TelemetryObject) {}
export class BreakerObject extends counting(control.BreakerObject) {}
export class LimiterObject extends counting(control.LimiterObject) {}

/** What every call costs, whatever is called. */
export class NothingObject extends DurableObject {
  async nothing(): Promise<void> {}
}

type Env = Record<"ROUTE_TABLE" | "RELAY" | "TELEMETRY" | "BREAKER" | "LIMITER" | "NOTHING", DurableObjectNamespace>
type Call = (env: Env, n: number) => Promise<unknown>

const ISOLATES = 200
const isolateOf = (n: number) => `isolate-${n % ISOLATES}`
const POLICY = {
  ...{ windowMs: 10_000, volumeMin: 20, failureRatio: 0.5, coolDownMs: 600_000, coolDownMsMax: 600_000 },
  ...{ probes: 1, successes: 1 },
}
const REPORT: BreakerReport = {
  ...{ cluster: "default/orders", policy: POLICY, revision: 1, generation: 0, probes: [], ask: false },
  tally: { total: 50, failed: 1, slow: 0, trailing: 0 },
}
const RATE = { requests: 1_000_000, perMs: 1_000, burst: 1_000_000 }
const SERIES = encode(Array.from({ length: 20 }, (_, index) => series(index)))

function series(index: number): Series {
  const sample = newSample()
  sample.numbers.fill(index + 1, 0, 4)
  sample.buckets.fill(1, 40, 60)
  const labels = {
    ...{ from: "default/storefront", to: `default/service-${index}`, subset: "", rule: `default/shop/${index}` },
    ...{ method: "", refusal: "", class: "2xx" },
  }
  return { ...sample, labels } as unknown as Series
}

const stub = (namespace: DurableObjectNamespace, name: string) =>
  namespace.getByName(name) as unknown as Record<string, (argument: unknown, more?: unknown) => Promise<unknown>>

const CALLS: Readonly<Record<string, Call>> = {
  nothing: ({ NOTHING }) => stub(NOTHING, "one").nothing!(undefined),
  pull: ({ RELAY }, n) =>
    stub(RELAY, "weur").pull!({ isolate: isolateOf(n), serving: 0, digest: "", bindings: ["ORDERS", "PAYMENTS"] }),
  follow: ({ ROUTE_TABLE }, n) =>
    stub(ROUTE_TABLE, MESH).follow!(`relay-${n % 11}`, { revision: 0, digest: "", news: 0, idle: false }),
  report: ({ TELEMETRY }, n) => {
    const sequence = Math.floor(n / ISOLATES) + 1
    return stub(TELEMETRY, "weur").report!({
      ...{ isolate: isolateOf(n), sequence, series: SERIES, tallies: [], snapshotAgeMs: 0 },
    })
  },
  tell: ({ BREAKER }) => stub(BREAKER, "default/orders").report!(REPORT),
  lease: ({ LIMITER }, n) =>
    stub(LIMITER, "default/orders/limit#0").lease!({
      ...{ rate: RATE, asks: [{ key: `key-${n % 50}`, want: 20, least: 1, debt: 5, back: 0 }] },
    }),
}

/** So many at once: what waits for storage does not hold up the rest. */
const AT_ONCE = 50

export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url)
    const call = CALLS[searchParams.get("call")!]!
    const [from, times] = ["from", "times"].map((name) => Number(searchParams.get(name))) as [number, number]
    rowsWritten = 0
    for (let n = from; n < from + times; n += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, from + times - n) }, (_, more) => call(env, n + more)))
    }
    return Response.json({ rowsWritten })
  },
} satisfies ExportedHandler<Env>
