/** Random tables and requests over a small vocabulary, so that they meet often. */
import fc from "fast-check"
import { gatewayId, type Namespace } from "#shared/model/names.ts"
import type { Attachment, Gateway, Match, PathMatch, Route, ValueMatch, ValueTest } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { Entry } from "#shared/routing/table.ts"
import { aRoute, type HeadText, service } from "./build.ts"

const GATEWAY = gatewayId("default", "edge")
const ORDERS = service("orders")

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values)
const maybe = <T>(value: fc.Arbitrary<T>, chance = 4) => fc.option(value, { nil: undefined, freq: chance })
const few = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant<T[]>([]) }, fc.array(value, { minLength: 1, maxLength: 2 }))

const segments = (of: readonly string[]) =>
  fc.array(fc.constantFrom(...of), { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join("/")}`)
const slash = pick("", "", "/")
const literal = fc.tuple(segments(["a", "b", "ab"]), slash).map(([path, end]) => path + end)
const template = fc
  .tuple(segments(["a", "b", "{x}", "*"]), pick("", "/", "/**", "/{rest=**}"))
  .map(([path, end]) => uniqueNames(path) + end)

/** `{x}` may stand in a template only once. */
function uniqueNames(path: string): string {
  let name = 0
  return path.replaceAll("{x}", () => `{${"xyzuv"[name++]}}`)
}

const aPath: fc.Arbitrary<PathMatch> = fc.oneof(
  { weight: 3, arbitrary: literal.map((value): PathMatch => ({ kind: "exact", value })) },
  fc.oneof(literal, pick("/")).map((value): PathMatch => ({ kind: "prefix", value })),
  template.map((value): PathMatch => ({ kind: "template", value })),
  pick("/a.*", "/(a|b)/.+", "/[ab]+", ".*b", "/a/?").map((value): PathMatch => ({ kind: "regex", value })),
)

const word = pick("", "1", "12", "21", "2")
const aTest: fc.Arbitrary<ValueTest> = fc.oneof(
  fc.record({ kind: pick("exact" as const, "prefix" as const, "suffix" as const, "contains" as const), value: word }),
  fc.record({ kind: fc.constant("regex" as const), value: pick("1.*", "[12]?", "") }),
  fc.record({ kind: pick("present" as const, "absent" as const) }),
)
const aValue: fc.Arbitrary<ValueMatch> = fc.record({ name: pick("p", "q"), test: aTest, negate: fc.boolean() })

const aMatch: fc.Arbitrary<Match> = fc
  .record({
    path: maybe(aPath, 8),
    method: maybe(pick("GET", "POST"), 1),
    headers: few(aValue),
    query: few(aValue),
    cookies: few(aValue),
    claims: maybe(fc.array(aValue, { minLength: 1, maxLength: 2 }), 1),
    from: maybe(fc.array(pick(service("cart"), service("team/cart")), { maxLength: 2 }), 1),
    addresses: maybe(fc.subarray(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "11.0.0.0/8"], { minLength: 1 }), 1),
    afterMs: maybe(pick(0, 10), 1),
    beforeMs: maybe(pick(10, 20), 1),
    rpc: maybe(pick("get", "get*", "*", "g*t", "*s"), 1),
    percent: maybe(pick(0, 10, 50, 100), 1),
  })
  .map(
    (match) => Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined)) as unknown as Match,
  )

const hostname = pick("*", "*.test", "*.b.test", "a.b.test", "b.test", "other.test")
const anAttachment: fc.Arbitrary<Attachment> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ to: fc.constant("gateway" as const), gateway: fc.constant(GATEWAY), hostname }) },
  fc.record({ to: fc.constant("gateway" as const), gateway: fc.constant(GATEWAY), hostname, listener: pick("0", "1") }),
  fc.constant<Attachment>({ to: "service", service: ORDERS }),
  fc.constant<Attachment>({ to: "service", service: ORDERS, consumers: "team" as Namespace }),
)

const aRandomRoute = fc.record({
  attachments: fc.array(anAttachment, { minLength: 1, maxLength: 3 }),
  order: pick("specific" as const, "specific" as const, "listed" as const),
  since: fc.integer({ min: 1, max: 3 }),
  rules: fc.array(fc.array(aMatch, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
})

const gateways: fc.Arbitrary<Gateway[]> = fc
  .uniqueArray(
    fc.record({
      hostname: maybe(pick("*.test", "*.b.test", "a.b.test")),
      port: maybe(fc.constant(80)),
      protocol: maybe(pick("http" as const, "https" as const)),
    }),
    // Two listeners for the same requests are refused by the configuration: which of them wins is nobody's business.
    {
      minLength: 1,
      maxLength: 4,
      selector: (listener) => JSON.stringify([listener.hostname, listener.port, listener.protocol]),
    },
  )
  .map((listeners) => [
    {
      id: GATEWAY,
      listeners: listeners.map((listener, index) => ({ ...dropUndefined(listener), name: String(index) })),
    },
  ])

function dropUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return JSON.parse(JSON.stringify(value))
}

export const aRandomSnapshot: fc.Arbitrary<Snapshot> = fc
  .tuple(gateways, fc.array(aRandomRoute, { minLength: 1, maxLength: 5 }))
  .map(([gateways, routes]) => ({
    format: 1,
    services: [],
    gateways,
    routes: routes.map(
      ({ rules, ...route }, index): Route =>
        aRoute({ ...route, name: `r${index}`, rules: rules.map((matches) => ["x", ...matches]) }),
    ),
  }))

const aHeader = fc.oneof(word, pick("1, 2", "12, 1", ", "))
const someValues = (value: fc.Arbitrary<string>) => fc.array(fc.tuple(pick("p", "q"), value), { maxLength: 2 })

export const aRandomHead: fc.Arbitrary<HeadText> = fc
  .record({
    method: pick("GET", "POST"),
    path: fc.oneof(
      { weight: 4, arbitrary: fc.tuple(segments(["a", "b", "ab"]), slash).map(([path, end]) => path + end) },
      pick("/"),
    ),
    host: pick("a.b.test", "c.b.test", "b.test", "x.test", "test", "other.test"),
    headers: someValues(aHeader),
    query: someValues(word).map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join("&")),
    cookies: someValues(word).map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join("; ")),
    caller: maybe(pick("cart", "team/cart"), 1),
    claims: maybe(
      fc.dictionary(pick("p", "q"), fc.oneof(word, pick(1, 12, null), fc.array(word, { maxLength: 2 }))),
      1,
    ),
    address: maybe(pick("10.1.2.3", "10.1.3.3", "10.2.2.3", "11.0.0.1", "12.0.0.1")),
    nowMs: maybe(pick(0, 9, 10, 19, 20)),
    rpc: maybe(pick("get", "gets", "set"), 1),
    dice: pick(0, 0.05, 0.3, 0.9),
  })
  .map(({ caller, claims, address, nowMs, rpc, cookies, headers, ...head }) => ({
    ...head,
    headers: cookies === "" ? headers : [...headers, ["cookie", cookies] as const],
    ...(address === undefined ? {} : { address }),
    ...(nowMs === undefined ? {} : { nowMs }),
    ...(caller === undefined ? {} : { caller }),
    ...(claims === undefined ? {} : { claims }),
    ...(rpc === undefined ? {} : { rpc }),
  }))

export const ENTRIES: readonly Entry[] = [
  { at: "gateway", gateway: GATEWAY, port: 80, protocol: "http" },
  { at: "gateway", gateway: GATEWAY, port: 443, protocol: "https" },
  { at: "service", service: ORDERS },
  { at: "service", service: service("lonely") },
]
