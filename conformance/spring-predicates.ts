/** Spring's predicates as conditions of the mesh. */
import type { MatchDocument } from "#shared/model/match-document.ts"
import { formatNetwork, parseNetwork } from "#shared/std/ip.ts"
import { list, record, text } from "./gateway-api.ts"
import { type Part, partOf } from "./spring-parts.ts"
import { pathOf, type SpringPath } from "./spring-paths.ts"
import { addCondition, type Doubt, quoted, regexDoubt, unknownIn } from "./translation.ts"

export interface SpringAsked {
  readonly isForwarded: boolean
}

export interface Conditions {
  /** Without paths and methods. */
  readonly match: MatchDocument
  /** Any of them; empty: no condition. */
  readonly methods: readonly string[]
  readonly paths: readonly SpringPath[]
  readonly doubts: readonly Doubt<SpringAsked>[]
}

export interface PredicateSettings {
  /** Whether patterns of hosts are compared with the port, too. */
  readonly hostHasPort: boolean
  /** Whether some predicate goes by what proxies say of the client's address. */
  readonly trustsProxies: boolean
}

type Values = { [name: string]: NonNullable<MatchDocument["headers"]>[string] }

interface Building {
  readonly headers: Values
  readonly query: Values
  readonly cookies: Values
  readonly methods: string[]
  readonly paths: SpringPath[]
  readonly doubts: Doubt<SpringAsked>[]
  /** Of the time and the client. */
  readonly general: MatchDocument
  readonly settings: PredicateSettings
}

export function conditionsOf(predicates: readonly unknown[], settings: PredicateSettings): Conditions {
  const building: Building = {
    headers: {},
    query: {},
    cookies: {},
    methods: [],
    paths: [],
    doubts: [],
    general: {},
    settings,
  }
  for (const predicate of predicates) {
    const part = partOf(predicate)
    const read = READERS[part.name]
    if (read) read(part, building)
    else building.doubts.push(`the predicate ${part.name} has no word here`)
  }
  const { headers, query, cookies, methods, paths, doubts, general } = building
  const filled = Object.entries({ headers, query, cookies }).filter(([, values]) => Object.keys(values).length > 0)
  return { match: { ...general, ...Object.fromEntries(filled) }, methods, paths, doubts }
}

/** What the one proxy before the gateway says. */
export const BY_NEAREST = /^from X-Forwarded-For, maxTrustedIndex 1$/

/** The time of a case is told from here. */
export const NOW_MS = Date.UTC(2026, 0, 1, 12)
const HOUR_MS = 3_600_000

/** A date with its zone, or so many hours from now. */
function momentOf(written: unknown): string {
  const { relativeToNowHours: hours } = record(written)
  const ms = hours === undefined ? Date.parse(String(written).replace(/\[.*\]$/, "")) : NOW_MS + Number(hours) * HOUR_MS
  return new Date(ms).toISOString()
}

function networksOf(sources: unknown): string[] {
  return list(sources).flatMap((source) => {
    const network = parseNetwork(String(source))
    return network ? [formatNetwork(network)] : []
  })
}

const READERS: Readonly<Record<string, (part: Part, building: Building) => void>> = {
  Path({ args, remark }, { paths, doubts }) {
    const written = list(args.patterns).map(String)
    const flag = /^(true|false)$/.test(written.at(-1) ?? "") ? written.at(-1) : undefined
    const takesSlash =
      (flag ?? text(args.matchTrailingSlash) ?? /matchTrailingSlash=(\w+)/.exec(remark ?? "")?.[1]) !== "false"
    if (remark !== undefined && !/^matchTrailingSlash=\w+$/.test(remark)) doubts.push(`a path ${remark}`)
    for (const pattern of flag === undefined ? written : written.slice(0, -1)) paths.push(pathOf(pattern, takesSlash))
  },
  Host({ args }, { headers, settings }) {
    const written = list(args.patterns).map(String)
    // Without ports to compare, a pattern with one takes nothing.
    const patterns = settings.hostHasPort ? written : written.filter((pattern) => !/:\d+$/.test(pattern))
    const port = settings.hostHasPort ? "" : "(?::[0-9]+)?"
    const regex = `(?i)(?:${patterns.map(hostRegex).join("|")})${port}`
    addCondition(headers, "host", patterns.length === 0 ? { present: false } : { regex })
  },
  Method({ args }, { methods }) {
    methods.push(...list(args.methods).map(String))
  },
  Header: ({ args, remark }, { headers, doubts }) =>
    addValue(headers, String(args.header).toLowerCase(), args.regexp, remark, doubts),
  Query: ({ args, remark }, { query, doubts }) => addValue(query, String(args.param), args.regexp, remark, doubts),
  Cookie: ({ args, remark }, { cookies, doubts }) => addValue(cookies, String(args.name), args.regexp, remark, doubts),
  // A request that Cloud Foundry passes on has these.
  CloudFoundryRouteService(_, { headers }) {
    for (const name of ["url", "metadata", "signature"]) {
      addCondition(headers, name === "url" ? "x-cf-forwarded-url" : `x-cf-proxy-${name}`, { present: true })
    }
  },
  After: ({ args }, { general }) => void Object.assign(general, { after: momentOf(args.datetime) }),
  Before: ({ args }, { general }) => void Object.assign(general, { before: momentOf(args.datetime) }),
  Between: ({ args }, { general }) =>
    void Object.assign(general, { after: momentOf(args.datetime1), before: momentOf(args.datetime2) }),
  RemoteAddr({ args, remark }, { general, doubts, settings }) {
    general.address = networksOf(args.sources)
    if (remark !== undefined && !BY_NEAREST.test(remark)) doubts.push(`an address ${remark}`)
    // Of one gateway there is one address of a client: the peer's, or what trusted proxies say.
    if (remark !== undefined || !settings.trustsProxies) return
    doubts.push((asked) => (asked.isForwarded ? "by the peer's address, and by the forwarded one" : undefined))
  },
  XForwardedRemoteAddr({ args }, { general, doubts }) {
    general.address = networksOf(args.sources)
    if (Number(args.maxTrustedIndex ?? 1) !== 1)
      doubts.push("several proxies before a gateway are the same for all its routes")
  },
}

function addValue(
  values: Values,
  name: string,
  regexp: unknown,
  remark: string | undefined,
  doubts: Doubt<SpringAsked>[],
): void {
  if (remark !== undefined) doubts.push(`a condition in words: ${remark}`)
  const pattern = text(regexp)
  const refused = pattern === undefined ? undefined : regexDoubt(pattern)
  if (refused !== undefined) doubts.push(refused)
  addCondition(values, name, pattern === undefined || refused !== undefined ? { present: true } : { regex: pattern })
}

/** `**.example.org`, `{tenant}.example.org`: labels in the place of segments. */
function hostRegex(pattern: string): string {
  const labels = pattern.split(".").map((label) => {
    if (label === "**") return "(?:[^.]+\\.)*"
    return `${label.replace(/\{\w+\}|\*|[^{*]+/g, (part) => (part === "*" ? "[^.]*" : part.startsWith("{") ? "[^.]+" : quoted(part)))}\\.`
  })
  return labels.join("").replace(/\\\.$/, "")
}

/** What a configuration has beside predicates that nobody here has heard of. */
export function unknownOfRoute(route: object): string[] {
  return unknownIn(route, ["id", "uri", "order", "predicates", "filters", "metadata", "enabled", "dsl"], "the route")
}

export function metadataOf(route: object): Readonly<Record<string, unknown>> {
  return record(record(route).metadata)
}
