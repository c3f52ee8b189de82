import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { merge } from "#shared/config/merge.ts"
import type { Draft } from "#shared/config/parse.ts"
import { plan } from "#shared/config/plan.ts"
import type { MeshDocument, Resource } from "#shared/model/document.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { decode, encode } from "#shared/model/snapshot-codec.ts"

const name = fc.constantFrom("a", "b", "c-1", "orders")
const draft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom("Service", "Route"),
  namespace: fc.constantFrom("default", "team"),
  name,
  spec: fc.dictionary(fc.constantFrom("x", "y", "z"), fc.integer({ min: 0, max: 3 })),
})
const keyOf = (resource: Draft) => `${resource.kind}/${resource.namespace}/${resource.name}`
const drafts = fc.uniqueArray(draft, { selector: keyOf, maxLength: 12 })
const head = drafts.map((all) => all.map((one, index): Resource => ({ ...one, since: index + 1 })))
const applying = { prune: false, revision: 99 }

describe("merge", () => {
  it("does nothing the second time", () => {
    fc.assert(
      fc.property(head, drafts, fc.boolean(), (before, applied, prune) => {
        const once = merge(before, applied, { prune, revision: 99 })
        expect(merge(once, applied, { prune, revision: 100 })).toEqual(once)
      }),
    )
  })

  it("keeps since when a resource was there, and gives new ones the revision", () => {
    fc.assert(
      fc.property(head, drafts, (before, applied) => {
        const old = new Map(before.map((one) => [keyOf(one), one.since]))
        for (const one of merge(before, applied, applying)) expect(one.since).toBe(old.get(keyOf(one)) ?? 99)
      }),
    )
  })

  it("with prune leaves what was applied and nothing else", () => {
    fc.assert(
      fc.property(head, drafts, (before, applied) => {
        const after = merge(before, applied, { prune: true, revision: 99 })
        expect(new Set(after.map(keyOf))).toEqual(new Set(applied.map(keyOf)))
      }),
    )
  })

  it("does not depend on the order of what is applied", () => {
    fc.assert(
      fc.property(head, drafts, (before, applied) => {
        expect(merge(before, [...applied].reverse(), applying)).toEqual(merge(before, applied, applying))
      }),
    )
  })
})

describe("plan", () => {
  it("is empty exactly when both say the same", () => {
    fc.assert(
      fc.property(head, head, (before, after) => {
        const say = (all: Resource[]) => new Map(all.map((one) => [keyOf(one), one.spec]))
        let same = true
        try {
          expect(say(before)).toEqual(say(after))
        } catch {
          same = false
        }
        expect(plan(before, after).length === 0).toBe(same)
      }),
    )
  })

  it("leads from before to after", () => {
    fc.assert(
      fc.property(head, head, (before, after) => {
        const specs = new Map(before.map((one) => [keyOf(one), one.spec]))
        for (const change of plan(before, after)) {
          if (change.action === "remove") specs.delete(keyOf({ ...change, spec: undefined }))
          else specs.set(keyOf({ ...change, spec: undefined }), change.after)
        }
        expect(specs).toEqual(new Map(after.map((one) => [keyOf(one), one.spec])))
      }),
    )
  })

  it("does not see since", () => {
    fc.assert(
      fc.property(head, (all) => {
        const later = all.map((one) => ({ ...one, since: 7 }))
        expect(plan(all, later)).toEqual([])
      }),
    )
  })
})

describe("snapshot text", () => {
  it("comes back as it went", () => {
    fc.assert(
      fc.property(snapshot(), (mesh) => {
        expect(decode(encode(mesh))).toEqual({ snapshot: mesh })
      }),
      { numRuns: 50 },
    )
  })

  it("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(snapshot(), (mesh) => {
        expect(encode(reversed(mesh) as Snapshot)).toBe(encode(mesh))
      }),
      { numRuns: 50 },
    )
  })

  it("is refused, never thrown at, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.json().map((json) => `{"format":1,"services":${json}}`),
        ),
        (text) => {
          expect(decode(text)).toHaveProperty("reason")
        },
      ),
    )
  })

  const change = (set: object[]) => ({ kind: "requestHeaders", change: { set, add: [], remove: [] } })
  it.each([
    ["a header's name", change([{ name: "x y", value: "1" }])],
    ["a header's value", change([{ name: "x", value: "1\r\ny: 2" }])],
    ["a name to remove", { kind: "responseHeaders", change: { set: [], add: [], remove: ["x:"] } }],
    ["a host", { kind: "rewrite", rewrite: { host: "inner.test/path?" } }],
    ["a redirect's host", { kind: "redirect", redirect: { status: 302, host: "a.test@evil.test" } }],
  ])("is refused for %s that could not be sent", (_what, filter) => {
    const rules = [
      {
        id: "default/r/0",
        matches: [{ headers: [], query: [], cookies: [] }],
        filters: [filter],
        backends: [],
        timeouts: {},
      },
    ]
    const route = { id: "default/r", attachments: [], order: "specific", since: 1, rules }
    const mesh = { format: 1, services: [], gateways: [], routes: [route] }
    expect(
      decode(JSON.stringify({ ...mesh, routes: [{ ...route, rules: [{ ...rules[0], filters: [] }] }] })),
    ).toHaveProperty("snapshot")
    expect(decode(JSON.stringify(mesh))).toHaveProperty("reason", expect.stringMatching(/header|host/))
  })

  it("is refused for a condition on what is no header", () => {
    const match = { headers: [{ name: "a b", test: { kind: "present" } }], query: [], cookies: [] }
    const rules = [{ id: "default/r/0", matches: [match], filters: [], backends: [], timeouts: {} }]
    const routes = [{ id: "default/r", attachments: [], order: "specific", since: 1, rules }]
    const outcome = decode(JSON.stringify({ format: 1, services: [], gateways: [], routes }))
    expect(outcome).toHaveProperty("reason", expect.stringContaining("header"))
  })

  it("is refused, or is a mesh again, after any single change", () => {
    const poison = fc.constantFrom<unknown>(null, "", "x", -1, 1.5, true, [], {}, undefined, "__proto__", 1e308)
    fc.assert(
      fc.property(snapshot(), fc.nat(), poison, (mesh, position, value) => {
        const outcome = decode(JSON.stringify(mutated(mesh, position, value)))
        if ("reason" in outcome) return
        // What is let through must still have the shape that the data path walks over.
        walk(outcome.snapshot)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ["no format", {}],
    ["a newer format", { format: 3, services: [], gateways: [], routes: [] }],
    ["no routes", { format: 1, services: [], gateways: [] }],
    ["null in a list", { format: 1, services: [null], gateways: [], routes: [] }],
    ["a service twice", { format: 1, services: [plainService(), plainService()], gateways: [], routes: [] }],
    ["an unknown service", { format: 1, services: [], gateways: [], routes: exampleSnapshot().routes }],
    [
      "a subset of another name",
      {
        format: 1,
        services: [{ ...plainService(), subsets: { v1: { name: "v2", endpoints: [] } } }],
        gateways: [],
        routes: [],
      },
    ],
    [
      "an endpoint of unknown kind",
      {
        format: 1,
        services: [{ ...plainService(), endpoints: [{ kind: "carrier-pigeon" }] }],
        gateways: [],
        routes: [],
      },
    ],
  ])("is refused with %s", (_, value) => {
    expect(decode(JSON.stringify(value))).toEqual({ reason: expect.stringMatching(/./) })
  })

  it("of ten thousand routes is read in a few times what plain parsing takes", () => {
    const routes = Array.from({ length: 10_000 }, (_, index) => [
      `r${index}`,
      { hosts: [`h${index}.example.com`], rules: [{ match: { path: "/a" }, backends: [{ service: "web" }] }] },
    ])
    const text = encode(exampleSnapshot({ services: { web: {} }, routes: Object.fromEntries(routes) }))
    const parsedMs = cpuMs(() => JSON.parse(text))
    const decodedMs = cpuMs(() => expect(decode(text)).toHaveProperty("snapshot"))
    // Against plain parsing, so that a slow machine does not fail it.
    expect(decodedMs).toBeLessThan(Math.max(200, parsedMs * 10))
  })
})

function plainService() {
  return { id: "default/a", endpoints: [{ kind: "binding", binding: "A" }], subsets: {} }
}

function exampleSnapshot(document: MeshDocument = example(["v1"], "/a", "always")): Snapshot {
  const compiled = compile([], { documents: [{ source: "-", content: document }], prune: false, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  return JSON.parse(compiled.text) as Snapshot
}

function example(subsets: readonly string[], path: string, header: string): MeshDocument {
  return {
    services: {
      orders: { subsets: Object.fromEntries(subsets.map((one) => [one, {}])) },
      web: { url: "https://web.example.com" },
    },
    gateways: { public: { listeners: [{ name: "https", hostname: "*.example.com", port: 443 }] } },
    routes: {
      shop: {
        hosts: ["shop.example.com", "*"],
        gateways: ["public"],
        service: "orders",
        rules: [
          {
            matches: [
              { path, headers: { "x-a": header, "x-b": { present: false } }, from: "web" },
              { rpc: "get*", percent: 5 },
            ],
            filters: [
              { requestHeaders: { set: { "x-c": "1" } } },
              { mirror: { service: "web", percent: 1 } },
              { fault: { delay: { time: "1s" } } },
              { cors: { origins: ["*"] } },
            ],
            backends: [
              { service: "web", weight: 1 },
              ...subsets.map((subset) => ({ service: "orders", subset, weight: 2 })),
            ],
            timeout: "5s",
            retry: { attempts: 2, on: ["5xx" as const, 429] },
          },
          { filters: [{ redirect: { scheme: "https", path: { full: "/x" } } }] },
        ],
      },
    },
  }
}

function snapshot(): fc.Arbitrary<Snapshot> {
  return fc
    .tuple(
      fc.uniqueArray(fc.constantFrom("v1", "v2", "canary"), { minLength: 1 }),
      fc.constantFrom("/", "/a", "/b/c"),
      fc.string({ maxLength: 20 }),
    )
    .map(([subsets, path, header]) => exampleSnapshot(example(subsets, path, header)))
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  )
}

/** A copy with the value at one of its places replaced, counted in the order of a walk. */
function mutated(value: unknown, position: number, poison: unknown): unknown {
  const copy = structuredClone(value)
  const places: [Record<string, unknown>, string][] = []
  const collect = (one: unknown): void => {
    if (typeof one !== "object" || one === null) return
    for (const key of Object.keys(one)) {
      places.push([one as Record<string, unknown>, key])
      collect((one as Record<string, unknown>)[key])
    }
  }
  collect(copy)
  const [owner, key] = places[position % places.length]!
  owner[key] = poison
  return copy
}

/** Touches what the data path touches. */
function walk({ services, gateways, routes }: Snapshot): void {
  for (const { id, endpoints, subsets } of services) {
    id.split("/")
    for (const one of [...endpoints, ...Object.values(subsets).flatMap((subset) => subset.endpoints)]) one.kind.at(0)
  }
  for (const { listeners } of gateways) for (const one of listeners) one.name.at(0)
  for (const { attachments, rules } of routes) {
    for (const one of attachments) (one.to === "gateway" ? one.hostname : one.service).at(0)
    for (const { matches, filters, backends, timeouts, retry } of rules) {
      for (const one of matches) {
        one.path?.value.at(0)
        for (const { name: field, test } of [...one.headers, ...one.query, ...one.cookies]) `${field}${test.kind}`.at(0)
        one.from?.at(0)?.at(0)
      }
      for (const one of filters) one.kind.at(0)
      expect(backends.every(({ weight }) => weight >= 0)).toBe(true)
      expect([timeouts.requestMs, retry?.backoffMs].every((ms) => ms === undefined || ms >= 0)).toBe(true)
    }
  }
}

/** The least of three: a busy machine makes some of them longer, and none shorter. */
function cpuMs(run: () => unknown): number {
  const tookMs = [1, 2, 3].map(() => {
    const before = process.cpuUsage()
    run()
    return process.cpuUsage(before).user / 1000
  })
  return Math.min(...tookMs)
}
