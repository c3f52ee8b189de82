/** Every check of a running mesh, brought about and looked at: what it says, how bad that is, and that it says what to do. */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { checkup } from "#cli/checkup.ts"
import type { Facts } from "#cli/checkup-kit.ts"
import { checkLines } from "#cli/checkup-text.ts"
import { checkWiring } from "#cli/past-mesh.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { AlertList, AlertStatus } from "#shared/protocol/alerts.ts"
import type { Status } from "#shared/protocol/control-api.ts"
import type { ShardStatus, Vitals } from "#shared/protocol/vitals.ts"
import { VERSION } from "#shared/std/version.ts"

const NOW_MS = 1_800_000_000_000
const DAY_MS = 86_400_000

const ISOLATE = { isolate: "a", serving: 3, seenAtMs: NOW_MS - 1_000, bindings: ["ORDERS"] }
const STATUS: Status = {
  head: {
    revision: 3,
    digest: "",
    author: "ann",
    message: "",
    atMs: NOW_MS - DAY_MS,
    added: 1,
    changed: 0,
    removed: 0,
  },
  services: 1,
  routes: 1,
  isolates: [ISOLATE],
  relays: [{ name: "weur", revision: 3, failures: 0 }],
  floorsMissed: 0,
  unbound: [],
  breakers: [],
  health: [],
}
const SHARD: ShardStatus = {
  ...{ shard: "weur", series: 10, seriesMax: 5_000, requests: 1_000, overflowed: 0, lost: 0, lostReports: 0 },
  ...{ isolates: 1, snapshotAgeMs: 500 },
}
const VITALS: Vitals = {
  version: VERSION,
  nowMs: NOW_MS,
  objects: [{ name: "route table", tookMs: 3 }],
  telemetry: [SHARD],
  signingKeys: [{ kid: "k1", phase: "signing", createdAtMs: NOW_MS - DAY_MS }],
  expiring: [],
}
const ALERTS: AlertList = { slos: [], silences: [], receivers: [], judgedMs: NOW_MS - 30_000, missing: [] }

const alert = (more: Partial<AlertStatus>): AlertStatus => ({ severity: "page", phase: "inactive", burn: [], ...more })
const promised = (...alerts: AlertStatus[]): AlertList => ({
  ...ALERTS,
  slos: [
    {
      ...{ id: "default/up", of: { kind: "service", id: "default/orders" }, target: 0.999, total: 1, bad: 0 },
      ...{ budgetLeft: 1, notify: [], alerts },
    },
  ],
})

interface Wrong {
  readonly status?: Partial<Status>
  readonly vitals?: Partial<Vitals> | null
  readonly alerts?: AlertList
}

function checked({ status, vitals, alerts = ALERTS }: Wrong) {
  const facts: Facts = {
    status: { ...STATUS, ...status },
    vitals: vitals === null ? undefined : { ...VITALS, ...vitals },
    ...{ alerts, version: VERSION, nowMs: NOW_MS, tookMs: 12 },
  }
  return checkup(facts)
}

const unwell = (wrong: Wrong) =>
  checked(wrong)
    .filter(({ state }) => state === "problem" || state === "warning")
    .map(({ state, rule, path }) => [state, rule, ...(path ? [path] : [])].join(" "))

describe("a mesh that is well", () => {
  it("has a good word in every section, and nothing to do", () => {
    const checks = checked({ alerts: promised(alert({})) })
    expect(checks.filter(({ state }) => state !== "ok")).toEqual([])
    expect(new Set(checks.map(({ section }) => section)).size).toBe(6)
    expect(checkLines(checks, (_style, text) => text)).toContain("  ✓ 1 objective kept, no alert fires\n")
  })
})

describe("a check", () => {
  const later = { revision: 2, reason: "format 9" }
  const key = { kid: "k1", phase: "signing", createdAtMs: NOW_MS - LIMITS.signingKeyRotateMs - 2 * DAY_MS } as const
  const place = { cluster: "default/orders", endpoint: "ORDERS_A" }
  const ill = { ...place, because: "status 503", sinceMs: NOW_MS - 9_000, heeded: true }
  const health = { service: "default/orders", checked: 2, silent: false, heardAtMs: NOW_MS, unhealthy: [] }

  it.each<[string, Wrong, string[]]>([
    ["another version", { vitals: { version: "9.9.9" } }, ["warning version"]],
    ["a clock that is off", { vitals: { nowMs: NOW_MS - 60_000 } }, ["warning clock"]],
    [
      "an object that is down",
      { vitals: { objects: [{ name: "audit log", tookMs: 3_000, failed: "no answer" }] } },
      ["problem object-silent audit log"],
    ],
    [
      "an object that is slow",
      { vitals: { objects: [{ name: "tokens", tookMs: 1_500 }] } },
      ["warning object-slow tokens"],
    ],
    ["no revision", { status: { head: undefined, isolates: [] } }, ["warning no-revision"]],
    [
      "an isolate that refuses (NACK)",
      { status: { isolates: [{ ...ISOLATE, serving: 2, refused: { ...later, revision: 3 } }] } },
      ["problem refused isolates.a"],
    ],
    ["an isolate that refused something older", { status: { isolates: [{ ...ISOLATE, refused: later }] } }, []],
    [
      "an isolate that refuses what is under guard, and serves what came before",
      {
        status: {
          rollout: { revision: 3, stable: 2 } as NonNullable<Status["rollout"]>,
          isolates: [{ ...ISOLATE, serving: 2, refused: { ...later, revision: 3 } }],
        },
      },
      ["problem refused isolates.a"],
    ],
    [
      "nothing in isolates that serve what came before a revision under guard",
      {
        status: {
          rollout: { revision: 3, stable: 2 } as NonNullable<Status["rollout"]>,
          relays: [],
          isolates: [{ ...ISOLATE, serving: 2 }],
        },
      },
      [],
    ],
    [
      "an isolate that is behind",
      { status: { isolates: [{ ...ISOLATE, serving: 2 }] } },
      ["problem behind isolates.a"],
    ],
    ["an isolate that sleeps", { status: { isolates: [{ ...ISOLATE, serving: 2, seenAtMs: NOW_MS - 40_000 }] } }, []],
    [
      "a relay that does not answer",
      { status: { relays: [{ name: "weur", revision: 3, failures: 0, silent: true }] } },
      ["warning relay-silent relays.weur"],
    ],
    [
      "a relay that takes nothing",
      { status: { relays: [{ name: "weur", revision: 3, failures: 2 }] } },
      ["warning relay-failing relays.weur"],
    ],
    [
      "a relay that lags",
      { status: { relays: [{ name: "weur", revision: 2, failures: 0 }] } },
      ["warning relay-behind relays.weur"],
    ],
    ["promises that were not kept", { status: { floorsMissed: 4 } }, ["warning floors-missed"]],
    [
      "a missing binding",
      { status: { unbound: [{ service: "default/orders", binding: "ORDERS" }] } },
      ["problem unbound services.default/orders"],
    ],
    [
      "an open breaker",
      {
        status: { breakers: [{ cluster: "default/orders", generation: 2, phase: "open", restMs: 0, sinceMs: NOW_MS }] },
      },
      ["warning breaker-open services.default/orders"],
    ],
    [
      "an unhealthy endpoint",
      { status: { health: [{ ...health, unhealthy: [ill] }] } },
      ["warning unhealthy services.default/orders"],
    ],
    [
      "health checks without a word",
      { status: { health: [{ ...health, silent: true }] } },
      ["warning checks-silent services.default/orders"],
    ],
    [
      "an outlier",
      { status: { isolates: [{ ...ISOLATE, outliers: [{ ...place, ejected: true, because: "consecutive_5xx" }] }] } },
      ["warning ejected services.default/orders"],
    ],
    ["too many series", { vitals: { telemetry: [{ ...SHARD, series: 4_900 }] } }, ["warning series-full weur"]],
    ["merged series", { vitals: { telemetry: [{ ...SHARD, overflowed: 20 }] } }, ["warning series-merged weur"]],
    [
      "lost reports",
      { vitals: { telemetry: [{ ...SHARD, lost: 20, lostReports: 1 }] } },
      ["warning reports-lost weur"],
    ],
    [
      "what is lost but not worth a word",
      { vitals: { telemetry: [{ ...SHARD, lost: 10, overflowed: 10, lostReports: 1 }] } },
      [],
    ],
    ["isolates that report nothing", { vitals: { telemetry: [{ ...SHARD, isolates: 0 }] } }, ["warning no-reports"]],
    [
      "a token that ends soon",
      { vitals: { expiring: [{ kind: "token", name: "ci", expiresAtMs: NOW_MS + DAY_MS }] } },
      ["warning expiring token ci"],
    ],
    [
      "a key that is over",
      { vitals: { expiring: [{ kind: "key", name: "acme", expiresAtMs: NOW_MS - DAY_MS }] } },
      ["warning expiring API key acme"],
    ],
    ["a signing key that does not change", { vitals: { signingKeys: [key] } }, ["problem rotation"]],
    ["a page", { alerts: promised(alert({ phase: "firing", sinceMs: NOW_MS })) }, ["problem firing slos.up"]],
    [
      "a page that somebody is at",
      { alerts: promised(alert({ phase: "firing", acknowledged: { by: "ann", untilMs: NOW_MS, reason: "" } })) },
      ["warning firing slos.up"],
    ],
    ["a ticket", { alerts: promised(alert({ severity: "ticket", phase: "firing" })) }, ["warning firing slos.up"]],
    ["nobody who judges", { alerts: { ...promised(alert({})), judgedMs: NOW_MS - 600_000 } }, ["problem not-judged"]],
    [
      "counts that are missing",
      { alerts: { ...promised(alert({})), missing: ["enam"] } },
      ["warning counts-missing telemetry enam"],
    ],
    [
      "a receiver that is down",
      { alerts: { ...promised(alert({})), receivers: [{ id: "default/oncall", waiting: 2 }] } },
      ["warning receiver-behind receivers.oncall"],
    ],
  ])("finds %s", (_what, wrong, rules) => {
    expect(unwell(wrong)).toEqual(rules)
    for (const { state, hint } of checked(wrong)) {
      if (state === "warning" || state === "problem") expect(hint).toBeTruthy()
    }
  })

  it("says what it could not look at", () => {
    const checks = checked({ vitals: null, status: { isolates: [] } })
    expect(checks.filter(({ state }) => state === "skipped").map(({ rule }) => rule)).toEqual([
      "objects",
      "isolates",
      "objectives",
    ])
  })

  it("goes by the version of the package", () => {
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
    expect(VERSION).toBe(manifest.version)
  })
})

describe("wiring", () => {
  const proxy = {
    shown: "wrangler.toml",
    raw: {
      name: "weft",
      services: [
        { binding: "ORDERS", service: "orders" },
        { binding: "SELF", service: "weft" },
      ],
    },
  }
  const caller = (
    ...services: {
      binding: string
      service: string
      entrypoint?: string
      props?: { readonly [key: string]: unknown }
    }[]
  ) => ({
    shown: "storefront/wrangler.toml",
    raw: { name: "storefront", services },
  })
  const found = (one: ReturnType<typeof caller>) =>
    checkWiring(proxy, [one]).map(({ state, rule }) => `${state} ${rule}`)

  it.each([
    [
      "by the mesh, with a name",
      { binding: "ORDERS", service: "weft", entrypoint: "Sidecar", props: { from: "storefront" } },
      "ok wiring",
    ],
    ["past the mesh", { binding: "ORDERS", service: "orders" }, "warning past-mesh"],
    [
      "by the mesh, without a name",
      { binding: "ORDERS", service: "weft", entrypoint: "Sidecar" },
      "problem no-identity",
    ],
    ["to a Worker that is no service", { binding: "CRON", service: "cron" }, "ok wiring"],
    ["to itself", { binding: "SELF", service: "storefront" }, "ok wiring"],
  ])("is found: %s", (_how, bound, rule) => {
    expect(found(caller(bound))).toEqual([rule])
  })

  it.each([
    [[], "1 Worker read: none calls a service of the mesh"],
    [[{ binding: "CRON", service: "cron" }], "1 Worker read: none calls a service of the mesh"],
    [
      [{ binding: "ORDERS", service: "weft", entrypoint: "Sidecar", props: { from: "storefront" } }],
      "1 Worker read: 1 binding leads through the mesh, none past it",
    ],
  ])("says what was looked at when all is well: %j", (bound, message) => {
    expect(checkWiring(proxy, [caller(...bound)])).toMatchObject([{ state: "ok", message }])
  })

  it("says which binding to write instead", () => {
    const [check] = checkWiring(proxy, [caller({ binding: "ORDERS", service: "orders" })])
    expect(check).toMatchObject({
      path: "storefront/wrangler.toml: ORDERS",
      hint: 'bind { binding = "ORDERS", service = "weft", entrypoint = "Sidecar", props = { from = "storefront", to = "orders" } }',
    })
  })
})
