/**
 * What a mesh asks of its objects, and what that costs, by the requests that go through it. Pure: from assumptions, limits of the code,
 * measured unit costs and published prices to loads and prices. Steady state: nothing fails, and nothing is changed.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { REGIONS } from "#shared/propagation/regions.ts"
import { CALLS, HOP } from "./costs.ts"
import { PLATFORM, SECONDS_A_MONTH } from "./platform.ts"

export interface Assumptions {
  /** Data centres with traffic. */
  readonly sites: number
  /** Isolates of the proxy that a site spreads its requests over, however few they are: machines, as nobody outside knows. */
  readonly isolatesPerSite: number
  /** How busy an isolate may be before a site starts another, as a share of one thread. */
  readonly busyMax: number
  /** The share of all traffic, and of all sites, that the busiest region has. */
  readonly busiestShare: number
  /** Clusters with a circuit breaker that every isolate sends to, and limits for the whole mesh that every request counts for. */
  readonly breakers: number
  readonly limits: number
}

export const ASSUMED: Assumptions = {
  ...{ sites: 330, isolatesPerSite: 20, busyMax: 0.5, busiestShare: 0.25, breakers: 1, limits: 1 },
}

export interface ObjectLoad {
  readonly object: string
  /** Objects of its kind that are asked. */
  readonly count: number
  /** Calls a second of all of them, and of the busiest. */
  readonly perSecond: number
  readonly busiestPerSecond: number
  /** The share of a second for which one of them is active; at most 1. */
  readonly activeShare: number
  readonly rowsPerSecond: number
}

/** What is paid for, each in the unit that it is priced in: millions. */
export interface Usage {
  readonly cpu: number
  readonly calls: number
  readonly duration: number
  readonly rows: number
}

export interface Scale {
  readonly requestsPerSecond: number
  readonly isolates: number
  readonly objects: readonly ObjectLoad[]
  /** By a million requests through the mesh, beyond what they take without it. */
  readonly perMillion: Usage
  /** The same duration, if every object that is asked were active all the time. */
  readonly durationMost: number
}

export function scaleOf(requestsPerSecond: number, assumed: Assumptions = ASSUMED): Scale {
  const isolates = isolatesOf(requestsPerSecond, assumed)
  const each = requestsPerSecond / isolates
  const region = { isolates: isolates * assumed.busiestShare, each }
  const relays = relaysOf(isolates, region)
  const objects = [
    relays,
    rootOf(relays.count),
    telemetryOf(isolates, region),
    breakersOf(isolates, each, assumed.breakers),
    limitersOf(isolates, each, assumed.limits),
  ].filter(({ count }) => count > 0)
  return { requestsPerSecond, isolates, objects, ...usageOf(requestsPerSecond, objects) }
}

/** At least one a site's machine; more where the busiest threads would be too busy. */
function isolatesOf(requestsPerSecond: number, { sites, isolatesPerSite, busyMax }: Assumptions): number {
  const perIsolate = (busyMax * 1_000_000) / HOP.armed.cpuUs
  return sites * Math.max(isolatesPerSite, Math.ceil(requestsPerSecond / sites / perIsolate))
}

/**
 * How often an isolate calls that does so at its first request after a pause: with few requests, almost as often as there are requests;
 * with many, once a pause. Requests come by chance.
 */
export function callsPerSecond(requestsPerSecond: number, pauseSeconds: number): number {
  return requestsPerSecond / (1 + requestsPerSecond * pauseSeconds)
}

interface Region {
  readonly isolates: number
  /** Requests a second of one isolate. */
  readonly each: number
}

function relaysOf(isolates: number, busiest: Region): ObjectLoad {
  const pulls = callsPerSecond(busiest.each, LIMITS.snapshotLeaseMs / 1000)
  const spread = spreadOf(busiest.isolates * pulls)
  const others = spreadOf(((isolates - busiest.isolates) * pulls) / (REGIONS.length - 1))
  const count = spread + others * (REGIONS.length - 1)
  return load("relay", count, isolates * pulls, (busiest.isolates * pulls) / spread, CALLS.pull)
}

/** As `spreadFor` of shared/propagation/spread.ts has it once all agree. */
function spreadOf(pullsPerSecond: number): number {
  const wanted = Math.max(1, pullsPerSecond / LIMITS.relayPullsMax)
  return Math.min(2 ** Math.ceil(Math.log2(wanted)), LIMITS.relaySpreadMax)
}

/** Each relay asks when it has heard nothing for its lease, and hears nothing while nothing changes. */
function rootOf(relays: number): ObjectLoad {
  const perSecond = relays / (LIMITS.relayLeaseMs / 1000)
  return load("root (RouteTable)", 1, perSecond, perSecond, CALLS.follow)
}

/** A pace that the shard sets by how many isolates it knows, and a gap that those with very many requests keep. */
function telemetryOf(isolates: number, busiest: Region): ObjectLoad {
  const reports = ({ isolates, each }: Region) => {
    const roundMs = Math.min((isolates * 1000) / LIMITS.shardReportsPerSecond, LIMITS.telemetryPaceMsMax)
    const paced = callsPerSecond(each, Math.max(roundMs, LIMITS.telemetryPaceMs) / 1000)
    const full = Math.min(each / LIMITS.telemetryRequests, 1000 / Math.max(roundMs, LIMITS.telemetryGapMs))
    return isolates * Math.max(paced, full)
  }
  const other = { isolates: (isolates - busiest.isolates) / (REGIONS.length - 1), each: busiest.each }
  const perSecond = reports(busiest) + reports(other) * (REGIONS.length - 1)
  const { report } = CALLS
  const shards = load("telemetry", REGIONS.length, perSecond, reports(busiest), report)
  const stores = Math.min(1000 / LIMITS.telemetryStoreMs, perSecond / REGIONS.length)
  return { ...shards, rowsPerSecond: REGIONS.length * stores * report.rowsWritten }
}

/** Each isolate, for each cluster with a breaker, while attempts fail somewhere; less often where the object has too much to hear. */
function breakersOf(isolates: number, each: number, breakers: number): ObjectLoad {
  const usual = isolates * callsPerSecond(each, LIMITS.breakerReportMs / 1000)
  const times = Math.max(1, Math.ceil(usual / LIMITS.breakerReportsPerSecond))
  const everyMs = Math.min(times * LIMITS.breakerReportMs, LIMITS.breakerPaceMsMax)
  const perObject = isolates * callsPerSecond(each, everyMs / 1000)
  return load("breaker", breakers, perObject * breakers, perObject, CALLS.tell)
}

/** One without a key. With one it has `LIMITS.limiterShards` objects, and asks for several keys go together. */
function limitersOf(isolates: number, each: number, limits: number): ObjectLoad {
  const perObject = isolates * callsPerSecond(each, LIMITS.limitLeaseMs / 1000)
  return load("limiter", limits, perObject * limits, perObject, CALLS.lease)
}

interface Cost {
  readonly activeMs: number
  readonly rowsWritten: number
}

function load(object: string, count: number, perSecond: number, busiestPerSecond: number, cost: Cost): ObjectLoad {
  const activeShare = count === 0 ? 0 : Math.min(1, ((perSecond / count) * cost.activeMs) / 1000)
  return { object, count, perSecond, busiestPerSecond, activeShare, rowsPerSecond: perSecond * cost.rowsWritten }
}

function usageOf(
  requestsPerSecond: number,
  objects: readonly ObjectLoad[],
): Pick<Scale, "perMillion" | "durationMost"> {
  // So many a second, while a million requests take their time: in millions that is so many for each request.
  const sum = (of: (one: ObjectLoad) => number) =>
    objects.reduce((total, one) => total + of(one), 0) / requestsPerSecond
  const gigabytes = PLATFORM.objectGigabytes.value
  return {
    perMillion: {
      cpu: HOP.armed.cpuUs / 1000,
      calls: sum(({ perSecond }) => perSecond),
      duration: sum(({ count, activeShare }) => count * activeShare) * gigabytes,
      rows: sum(({ rowsPerSecond }) => rowsPerSecond),
    },
    durationMost: sum(({ count }) => count) * gigabytes,
  }
}

const PRICES = {
  cpu: PLATFORM.workerCpu,
  calls: PLATFORM.objectRequest,
  duration: PLATFORM.objectDuration,
  rows: PLATFORM.rowsWritten,
} as const

/** Dollars for a million requests, each part and all together, as if the plan included nothing. */
export function priceOf({ perMillion }: Scale): Usage & { readonly total: number } {
  const part = (name: keyof Usage) => perMillion[name] * PRICES[name].value
  const parts = { cpu: part("cpu"), calls: part("calls"), duration: part("duration"), rows: part("rows") }
  return { ...parts, total: parts.cpu + parts.calls + parts.duration + parts.rows }
}

/** Dollars a month, less what the plan includes: as if the mesh were all that the account runs. */
export function billOf({ perMillion, requestsPerSecond }: Scale): number {
  const millions = (requestsPerSecond * SECONDS_A_MONTH) / 1_000_000
  const names = ["cpu", "calls", "duration", "rows"] as const
  return names.reduce((total, name) => {
    const { value, included } = PRICES[name]
    return total + Math.max(0, perMillion[name] * millions - included) * value
  }, 0)
}

const SEARCHED_MAX = 1e9

/** The least requests a second at which the busiest object of a kind is asked more often than that; undefined when it never is. */
export function reaches(object: string, callsASecond: number, assumed: Assumptions = ASSUMED): number | undefined {
  const isOver = (rate: number) =>
    scaleOf(rate, assumed).objects.some((one) => one.object === object && one.busiestPerSecond >= callsASecond)
  for (let rate = 1; rate <= SEARCHED_MAX; rate *= 1.01) if (isOver(rate)) return rate
  return undefined
}
