/**
 * What matching costs, and that it does not grow with the number of routes: `node bench/table.ts`.
 * Prints, for 10 to 10,000 routes over at most 500 hosts, the time of one match (the fastest of many rounds) and of
 * compiling.
 */

import { say } from "#scripts/progress.ts"
import { DEFAULT_GATEWAY, type RuleId, routeId, serviceId } from "#shared/model/names.ts"
import type { Match, PathMatch, Route } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { compile, type Entry, match, type RouteTable } from "#shared/routing/table.ts"

const SIZES = [10, 100, 1_000, 10_000]
const HOSTS = 500
/** As many requests for every size, so that the working set is alike and only the table differs. */
const HEADS = 10
const ROUNDS = 41
const MATCHES = 40_000
const ENTRY: Entry = { at: "gateway", gateway: DEFAULT_GATEWAY, port: 443, protocol: "https" }
const CANARY = { name: "x-canary", test: { kind: "exact", value: "1" } } as const

interface Shape {
  readonly name: string
  readonly head: (route: number) => Partial<RequestHead>
}

const SHAPES: readonly Shape[] = [
  { name: "hit exact", head: (route) => ({ path: `/${team(route)}/health` }) },
  { name: "hit prefix", head: (route) => ({ path: `/${team(route)}/api/v1/items/7` }) },
  { name: "hit template", head: (route) => ({ path: `/users/7/${team(route)}` }) },
  {
    name: "hit header",
    head: (route) => ({ path: `/${team(route)}/api/x`, headers: new Headers({ "x-canary": "1" }) }),
  },
  { name: "miss path", head: () => ({ path: "/nobody/takes/this" }) },
  { name: "miss host", head: (route) => ({ path: "/", host: `${host(route)}.example.org` }) },
]

say("compiling")
const tables = SIZES.map((size) => build(size))
console.log(["", ...SIZES.map((size) => `${size} routes`), "largest / smallest"].map(cell).join(""))
console.log(["compile ms", ...tables.map(({ compileMs }) => compileMs.toFixed(2))].map(cell).join(""))
console.log(["first match of all, ms", ...tables.map(({ firstMs }) => firstMs.toFixed(2))].map(cell).join(""))
console.log(["first match of a host, µs", ...tables.map(({ hostUs }) => hostUs.toFixed(1))].map(cell).join(""))
for (const shape of SHAPES) {
  say(shape.name)
  const ns = measure(shape)
  const ratio = (ns.at(-1) ?? 0) / (ns[0] ?? 1)
  console.log([`${shape.name}, ns`, ...ns.map((value) => value.toFixed(0)), ratio.toFixed(2)].map(cell).join(""))
}

/** The sizes take turns within each round, so that a busy machine slows all of them alike. */
function measure(shape: Shape): number[] {
  const heads = SIZES.map((size) => headsOf(shape, size))
  const times: number[][] = SIZES.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    tables.forEach(({ table }, index) => {
      const started = performance.now()
      run(table, heads[index] ?? [])
      times[index]?.push(((performance.now() - started) * 1e6) / MATCHES)
    })
  }
  return times.map((rounds) => Math.min(...rounds))
}

function run(table: RouteTable, heads: readonly RequestHead[]): void {
  let found = 0
  for (let index = 0; index < MATCHES; index++) {
    const head = heads[index % HEADS]
    if (head && match(table, ENTRY, head)) found++
  }
  if (found !== 0 && found !== MATCHES) throw new Error(`${found} of ${MATCHES}`)
}

function build(size: number) {
  const snapshot: Snapshot = {
    format: 1,
    services: [],
    gateways: [],
    routes: Array.from({ length: size }, (_, index) => route(index)),
  }
  const [table, compileMs] = timed(() => compile(snapshot))
  // The first match of all sorts the hosts of the listener; the second compiles one more host.
  const [first, second] = [headAt({ path: "/" }, 0), headAt({ path: "/" }, 1)]
  const [, firstMs] = timed(() => match(table, ENTRY, first))
  const [, hostMs] = timed(() => match(table, ENTRY, second))
  return { table, compileMs, firstMs, hostUs: hostMs * 1000 }
}

function route(index: number): Route {
  const to = (name: string, matches: readonly Match[]) => ({
    id: `default/r${index}/${name}` as RuleId,
    matches,
    filters: [],
    backends: [{ service: serviceId("default", name), weight: 1, filters: [] }],
    timeouts: {},
    retry: undefined,
  })
  return {
    id: routeId("default", `r${index}`),
    attachments: [{ to: "gateway", gateway: DEFAULT_GATEWAY, hostname: `${host(index)}.example.com` }],
    order: "specific",
    since: index,
    rules: [
      to("health", [matchOf({ kind: "exact", value: `/${team(index)}/health` })]),
      to("api", [matchOf({ kind: "prefix", value: `/${team(index)}/api` })]),
      to("canary", [{ ...matchOf({ kind: "prefix", value: `/${team(index)}/api` }), headers: [CANARY] }]),
      to("users", [matchOf({ kind: "template", value: `/users/{id}/${team(index)}` })]),
    ],
  }
}

function matchOf(path: PathMatch): Match {
  return { path, headers: [], query: [], cookies: [] }
}

/** Requests spread over all routes of the table. */
function headsOf(shape: Shape, size: number): RequestHead[] {
  return Array.from({ length: HEADS }, (_, index) => {
    const at = Math.floor((index * size) / HEADS)
    return headAt(shape.head(at), at)
  })
}

function headAt(head: Partial<RequestHead>, at: number): RequestHead {
  return {
    method: "GET",
    path: "/",
    rawQuery: "",
    host: `${host(at)}.example.com`,
    headers: new Headers({ accept: "*/*" }),
    caller: undefined,
    rpc: undefined,
    dice: 0.5,
    ...head,
  }
}

/** Names of one length, so that no size has longer texts to read. */
function team(route: number): string {
  return `team-${String(route).padStart(5, "0")}`
}

function host(route: number): string {
  return `h${String(route % HOSTS).padStart(3, "0")}`
}

function timed<T>(work: () => T): [T, number] {
  const started = performance.now()
  return [work(), performance.now() - started]
}

function cell(text: string, index: number): string {
  return index === 0 ? text.padEnd(28) : text.padStart(14)
}
