import { describe, expect, it } from "vitest"
import { trespasses } from "#shared/config/bounds.ts"
import { compile } from "#shared/config/compile.ts"
import { alertingOf, concernsAlerting } from "#shared/config/resolve-alerting.ts"
import { shown } from "#shared/config/secrets.ts"
import type { LocalOrigins } from "#shared/std/egress.ts"
import { SECRET } from "#shared/std/secret.ts"

const WEBHOOK = { url: "https://alerts.example/weft", secret: "s3cret-of-this-test-and-no-other" }
const MESH = {
  services: { orders: {} },
  routes: { shop: { hosts: ["shop.example"], rules: [{ backends: [{ service: "orders" }] }] } },
  slos: {
    up: { service: "orders", target: 99.9 },
    fast: { route: "shop", target: 95, latency: "250ms", for: "0s", minFailures: 20, notify: ["oncall"] },
  },
  receivers: { oncall: { webhook: WEBHOOK } },
}

const compiled = (contents: readonly unknown[], localOrigins: LocalOrigins = "all") =>
  compile([], {
    documents: contents.map((content, index) => ({ source: `${index}.yaml`, content })),
    ...{ prune: false, revision: 1, localOrigins },
  })

function sound(...contents: readonly unknown[]) {
  const outcome = compiled(contents)
  if ("problems" in outcome) throw new Error(JSON.stringify(outcome.problems))
  return outcome
}

const problems = (...contents: readonly unknown[]) => {
  const outcome = compiled(contents)
  return "problems" in outcome ? outcome.problems.map(({ path, rule }) => `${path} ${rule}`) : []
}

describe("objectives and receivers", () => {
  it("are resolved with their defaults", () => {
    expect(alertingOf(sound(MESH).resources)).toEqual({
      receivers: [{ id: "default/oncall", ...WEBHOOK }],
      slos: [
        {
          id: "default/fast",
          indicator: { of: { kind: "route", id: "default/shop" }, latencyMs: 250 },
          ...{ target: 0.95, forMs: 0, minFailures: 20, notify: ["default/oncall"] },
        },
        {
          id: "default/up",
          indicator: { of: { kind: "service", id: "default/orders" } },
          ...{ target: 0.999, forMs: 60_000, minFailures: 5, notify: [] },
        },
      ],
    })
  })

  it("are no part of the snapshot that proxies get, secret and all", () => {
    const { slos: _slos, receivers: _receivers, ...rest } = MESH
    expect(sound(MESH).text).toBe(sound(rest).text)
  })

  it("of other namespaces may be told of at the receivers of default, and at no others", () => {
    const team = (notify: string) => ({
      namespace: "team-a",
      services: { cart: {} },
      slos: { up: { service: "cart", target: 99, notify: [notify] } },
    })
    expect(alertingOf(sound(MESH, team("default/oncall")).resources).slos.at(-1)!.notify).toEqual(["default/oncall"])
    expect(problems(MESH, team("oncall"))).toEqual(["slos.up.notify[0] unknown-receiver"])
    expect(problems(MESH, team("team-b/oncall"))).toEqual(["slos.up.notify[0] reference-not-granted"])
  })

  it("are not said to be unknown when they are only wrong", () => {
    const broken = {
      ...MESH,
      receivers: { oncall: { webhook: { ...WEBHOOK, secret: "short" } } },
      routes: { shop: { hosts: ["shop.example"], rules: [] } },
    }
    expect(problems(broken)).toEqual(["routes.shop.rules too-few", "receivers.oncall.webhook.secret bad-secret"])
  })

  it("keep a receiver from being removed while somebody is to be told at it", () => {
    const { resources } = sound(MESH)
    const rest = resources.filter(({ kind }) => kind !== "Receiver")
    const outcome = compile(rest, { documents: [], prune: false, revision: 2 })
    expect("problems" in outcome && outcome.problems).toMatchObject([{ rule: "unknown-receiver" }])
  })

  it("may be services of the same namespace, with a path", () => {
    const receiver = (webhook: object) => ({ ...MESH, receivers: { oncall: { webhook } } })
    const { secret } = WEBHOOK
    expect(alertingOf(sound(receiver({ service: "orders", path: "/alerts", secret })).resources).receivers).toEqual([
      { id: "default/oncall", service: "default/orders", path: "/alerts", secret },
    ])
    const plain = sound(receiver({ service: "orders", secret }))
    expect(alertingOf(plain.resources).receivers).toMatchObject([{ path: "/" }])
    const at = "receivers.oncall.webhook"
    expect(problems(receiver({ service: "nobody", secret }))).toEqual([`${at}.service unknown-service`])
    expect(problems(receiver({ service: "team-b/orders", secret }))).toEqual([`${at}.service bad-name`])
    expect(problems(receiver({ ...WEBHOOK, service: "orders" }))).toEqual([`${at} conflicting-keys`])
    expect(problems(receiver({ ...WEBHOOK, path: "/x" }))).toEqual([`${at} conflicting-keys`])
    expect(problems(receiver({ secret }))).toEqual([`${at} missing-key`])
    expect(problems(receiver({ service: "orders", path: "/a/../b", secret }))).toHaveLength(1)
  })

  it("show no secret to whoever reads them, and keep it when it is written back as it was read", () => {
    const { resources } = sound(MESH)
    const oncall = shown(resources.find(({ kind }) => kind === "Receiver")!)
    expect(oncall.spec).toEqual({ webhook: { ...WEBHOOK, secret: SECRET } })
    const content = { receivers: { oncall: oncall.spec } }
    const again = compile(resources, { documents: [{ source: "a.yaml", content }], prune: false, revision: 2 })
    expect("changes" in again && again.changes).toEqual([])
    expect(problems(content)).toEqual(["receivers.oncall.webhook.secret secret-missing"])
  })

  it("may be somebody's whose token is limited to a namespace: they reach no further", () => {
    const before = sound({ namespace: "team-a", services: { cart: {} } })
    const after = sound({
      namespace: "team-a",
      services: { cart: {} },
      slos: { up: { service: "cart", target: 99 } },
      receivers: { oncall: { webhook: WEBHOOK } },
    })
    expect(trespasses(before, after, ["team-a"])).toEqual([])
  })

  it("concern the object of alerts when they change, and only then", () => {
    const key = { namespace: "default", name: "a" }
    expect(concernsAlerting([{ kind: "Service", ...key }])).toBe(false)
    expect(
      concernsAlerting([
        { kind: "Service", ...key },
        { kind: "Receiver", ...key },
      ]),
    ).toBe(true)
    expect(concernsAlerting([{ kind: "ServiceLevelObjective", ...key }])).toBe(true)
  })
})

describe("a webhook on this machine", () => {
  const mesh = { receivers: { oncall: { webhook: { ...WEBHOOK, url: "http://localhost:9093/weft" } } } }

  it("is reached only where the operator allows it", () => {
    expect(compiled([mesh], new Set(["http://localhost:9093"]))).not.toHaveProperty("problems")
    expect(compiled([mesh], new Set(["http://localhost:9094"]))).toMatchObject({
      problems: [{ path: "receivers.oncall.webhook.url", rule: "local-address", source: { file: "0.yaml" } }],
    })
  })
})
