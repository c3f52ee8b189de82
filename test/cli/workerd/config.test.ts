import { describe, expect, it } from "vitest"
import { type Hosted, type SelfHosted, selfHosted } from "#cli/workerd/config.ts"
import type { Problem } from "#shared/model/problem.ts"

function worker(name: string, more: Partial<Hosted> & { readonly options?: object } = {}): Hosted {
  return {
    ...{ name, configPath: `${name}/wrangler.toml`, vars: {}, secrets: [] },
    modules: [{ type: "ESModule", name: "index.js", content: `// ${name}` }],
    ...more,
    options: { compatibilityDate: "2026-10-20", ...more.options },
  }
}

const PROXY = worker("weft", { options: { durableObjects: { TABLE: { className: "Table", scriptName: "control" } } } })
const CONTROL = worker("control", { options: { durableObjects: { TABLE: { className: "Table", useSQLite: true } } } })

function written(...workers: readonly Hosted[]): SelfHosted {
  const result = selfHosted([PROXY, CONTROL, ...workers])
  if (!("config" in result)) throw new Error(JSON.stringify(result))
  return result
}

function refused(...workers: readonly Hosted[]): readonly Problem[] {
  const result = selfHosted(workers)
  if ("config" in result) throw new Error("it was written")
  return result
}

describe("the config of a self-hosted mesh", () => {
  it("has a service for each Worker, with its bundle beside it", () => {
    const { config, files } = written(worker("orders"))
    for (const name of ["weft", "control", "orders"]) {
      expect(config).toContain(`esModule = embed "workers/${name}/index.js"`)
      expect(files.get(`workers/${name}/index.js`)).toBe(`// ${name}`)
    }
    expect(config).toContain('(name = "ingress", address = "127.0.0.1:8787", service = "weft")')
    expect(config).toContain('(name = "control", address = "127.0.0.1:8788", service = "control")')
  })

  it("believes what a server before it says of the scheme, where there is one", () => {
    const behind = selfHosted([PROXY, CONTROL], { behindProxy: true }) as SelfHosted
    expect(behind.config.match(/http = \(forwardedProtoHeader = "X-Forwarded-Proto"\)/g)).toHaveLength(2)
    expect(written().config).not.toContain("X-Forwarded-Proto")
  })

  it("keeps the objects of the Worker that hosts their class, once, whoever binds them", () => {
    const { config } = written()
    expect(config.match(/durableObjectNamespaces = .*/g)).toEqual([
      'durableObjectNamespaces = [(className = "Table", uniqueKey = "control-Table", enableSql = true)],',
    ])
    expect(config.match(/durableObjectNamespace = \(.*?\)/g)).toEqual([
      'durableObjectNamespace = (className = "Table", serviceName = "control")',
      'durableObjectNamespace = (className = "Table", serviceName = "control")',
    ])
  })

  it("keeps those of a class that its own Worker does not bind", () => {
    const additionalUnboundDurableObjects = [{ className: "Till", useSQLite: true }]
    const { config } = written(worker("pay", { options: { additionalUnboundDurableObjects } }))
    expect(config).toContain('(className = "Till", uniqueKey = "pay-Till", enableSql = true)')
  })

  it("binds services by entrypoint and props", () => {
    const props = { from: "front", to: "orders" }
    const serviceBindings = { ORDERS: { name: "weft", entrypoint: "Sidecar", props }, OTHER: "control" }
    const { config } = written(worker("front", { options: { serviceBindings } }))
    expect(config).toContain(
      String.raw`service = (name = "weft", entrypoint = "Sidecar", props = (json = "{\"from\":\"front\",\"to\":\"orders\"}"))`,
    )
    expect(config).toContain('(name = "OTHER", service = "control")')
  })

  it("writes variables of the config, and no value that only the environment of a developer has", () => {
    const vars = { MODE: "live", LIMITS: { burst: 3 } }
    const options = { bindings: { ...vars, STRIPE_KEY: "sk_live_1" } }
    const { config, secrets } = written(worker("shop-pay", { vars, secrets: ["STRIPE_KEY"], options }))
    expect(config).toContain('(name = "MODE", text = "live")')
    expect(config).toContain(String.raw`(name = "LIMITS", json = "{\"burst\":3}")`)
    expect(config).toContain('(name = "STRIPE_KEY", fromEnvironment = "SHOP_PAY__STRIPE_KEY")')
    expect(config).not.toContain("sk_live_1")
    expect(secrets).toEqual([
      { worker: "control", binding: "WEFT_ADMIN_TOKEN", variable: "WEFT_ADMIN_TOKEN" },
      { worker: "shop-pay", binding: "STRIPE_KEY", variable: "SHOP_PAY__STRIPE_KEY" },
    ])
  })

  it("reaches this machine from the proxy alone, and only where its variable names origins there", () => {
    const local = worker("weft", { ...PROXY, vars: { WEFT_LOCAL_ORIGINS: "http://localhost:9000" } })
    const pay = worker("pay", { vars: { WEFT_LOCAL_ORIGINS: "*" } })
    const { config } = selfHosted([local, CONTROL, pay]) as SelfHosted
    expect(config).toContain('network = (allow = ["public", "local"], tlsOptions = (trustBrowserCas = true))')
    expect(config.match(/globalOutbound = "outside"/g)).toHaveLength(1)
    expect(config.indexOf("globalOutbound")).toBeLessThan(config.indexOf('name = "control"'))
    for (const origins of ["", " "]) {
      const none = worker("weft", { ...PROXY, vars: { WEFT_LOCAL_ORIGINS: origins } })
      expect((selfHosted([none, CONTROL]) as SelfHosted).config).not.toContain("network")
    }
  })

  it("does without what proxy and control need not have, and says so", () => {
    const options = {
      ...PROXY.options,
      kvNamespaces: { WEFT_KV: { id: "1" } },
      analyticsEngineDatasets: { ANALYTICS: {} },
    }
    const result = selfHosted([worker("weft", { options }), CONTROL])
    expect(result).toMatchObject({ leftOut: ["weft.WEFT_KV"] })
  })

  it("refuses what the platform alone has, all of it at once", () => {
    const options = { kvNamespaces: { CACHE: "x" }, r2Buckets: {}, d1Databases: { DB: "y" }, tails: [] }
    expect(refused(PROXY, CONTROL, worker("front", { options })).map(({ path, rule }) => [path, rule])).toEqual([
      ["front/wrangler.toml: CACHE", "not-in-workerd"],
      ["front/wrangler.toml: DB", "not-in-workerd"],
    ])
  })

  it("refuses an admin token that stands in control's config", () => {
    const control = worker("control", { vars: { WEFT_ADMIN_TOKEN: "weft_1" } })
    expect(refused(PROXY, control).map(({ path, rule }) => [path, rule])).toEqual([
      ["control/wrangler.toml: vars.WEFT_ADMIN_TOKEN", "secret-in-config"],
    ])
  })

  it.each<[string, string, Hosted[]]>([
    ["a Worker named as the state is", "name-taken", [worker("state")]],
    ["a Worker named as the way outside is", "name-taken", [worker("outside")]],
    [
      "a Worker in the service-worker format",
      "module-unsupported",
      [worker("old", { modules: [{ type: "Script", name: "index.js", content: "" }] })],
    ],
    [
      "a module that would be written elsewhere",
      "module-unsupported",
      [worker("bad", { modules: [{ type: "Text", name: "../../x.txt", content: "" }] })],
    ],
    [
      "secrets that would be read from one variable",
      "secret-shared",
      [worker("pay-eu", { secrets: ["KEY"] }), worker("pay_eu", { secrets: ["KEY"] })],
    ],
  ])("refuses %s", (_what, rule, workers) => {
    expect(refused(PROXY, CONTROL, ...workers).map((problem) => problem.rule)).toEqual([rule])
  })
})
