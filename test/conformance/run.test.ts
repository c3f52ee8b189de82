/**
 * The runner as people start it, on cases of our own; on those of others, where they are at hand, as far as they need no mesh. Those that
 * need one take minutes: `npm run conformance -- ../shared/cases/*.json`.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { describe, expect, it } from "vitest"

const ROOT = resolve(import.meta.dirname, "../..")
const FIXTURES = join(import.meta.dirname, "fixtures")
const CASES = resolve(ROOT, process.env.WEFT_CASES ?? "../shared/cases")

function conformance(...args: readonly string[]): Promise<{ exit: number | null; lines: string[]; out: string }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ["conformance/run.ts", ...args], { cwd: ROOT })
    let out = ""
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on("data", (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.on("error", fail)
    child.on("close", (exit) => done({ exit, lines: out.trimEnd().split("\n"), out }))
  })
}

const fixture = (form: string) => join(FIXTURES, `${form === "outlier" ? "envoy" : "gateway_api"}_${form}.json`)
const traces = (form: string) => join(FIXTURES, `trace_context${form}.json`)

describe("the runner", () => {
  it("passes cases of all forms, and says of each case that it skips why", async () => {
    const { exit, lines, out } = await conformance(
      fixture("httproute"),
      fixture("mesh"),
      fixture("grpcroute"),
      traces(""),
    )
    expect(lines.at(-1), out).toBe("107 passed, 0 failed, 4 skipped")
    expect(exit).toBe(0)
    expect(lines.filter((line) => /^ {8}skipped/.test(line))).toHaveLength(4)
    expect(out).toContain("TLS ends before a Worker runs")
    expect(out).toContain("sends no request")
  })

  it("notices whatever is not as expected", async () => {
    const { exit, lines, out } = await conformance(fixture("httproute_wrong"), traces("_wrong"))
    expect(lines.at(-1), out).toBe("1 passed, 18 failed, 3 skipped")
    expect(exit).toBe(1)
    const failed = lines.filter((line) => /^ {8}failed/.test(line)).map((line) => line.trim().replace(/^failed +/, ""))
    expect(failed.filter((name) => !/traceparent/.test(name))).toEqual([
      "status",
      "backend",
      "path",
      "header",
      "absent header",
      "response header",
      "mirror",
      "answered",
      "redirect",
      "distribution",
      "a manifest that the mesh refuses",
    ])
    expect(out).toContain('did you mean "backendRefs"?')
    expect(out).toContain("nobody here can judge: phaseOfTheMoon")
    expect(out).toContain("traceIdNot: it is 0af7651916cd43dd8448eb211c80319c")
    expect(out).toContain("distinctParentIds: 3 instead of 1")
  })

  it("runs cases of the core's machines without a mesh, and notices what is not as expected", async () => {
    const peers = ["envoy_router_check", "linkerd_proxy_route", "spring_cloud_gateway"].map((name) =>
      join(FIXTURES, `${name}.json`),
    )
    const { exit, lines, out } = await conformance(fixture("outlier"), ...peers)
    expect(lines.at(-1), out).toBe("30 passed, 8 failed, 6 skipped")
    expect(exit).toBe(1)
    expect(out).toContain("the route's action has auto_host_rewrite")
    expect(out).toContain('cluster_name is "shop" instead of "other"')
    expect(out).toContain("what is not so was not noticed")
    expect(out).toContain("match is false instead of true")
    expect(out).toContain("the match has sni")
    expect(out).toContain('route is "late" instead of "short"')
    expect(out).toContain("the filter TurnAround has no word here")
    expect(out).toContain("ejection of h0 for CONSECUTIVE_5XX: more than 0 announced")
    expect(out).toContain("at 0 ms: ejected h0 is false instead of true")
    expect(out).toContain("the mesh has no active health checks")
  })

  it("runs Istio's policies and paths, and notices what is not as expected", async () => {
    const forms = ["authz", "path_normalization", "authz_wrong", "virtualservice_traffic"]
    const files = forms.map((form) => join(FIXTURES, `istio_${form}.json`))
    const { exit, lines, out } = await conformance(...files)
    expect(lines.at(-1), out).toBe("44 passed, 7 failed, 15 skipped")
    expect(exit).toBe(1)
    expect(out).toContain('path of the redirect is "/new" instead of "/other"')
    expect(out).toContain("a match has sourceLabels")
    expect(out).toContain("OwnWrong")
    expect(out.match(/^FAIL .*/gm)).toHaveLength(3)
    expect(out).toContain("status 403 (forbidden) instead of 200")
    expect(out).toContain('header X-A at the backend is "2" instead of absent')
    expect(out).toContain('did you mean "from"?')
    expect(out).toContain("an escaped slash is refused")
  })

  it("runs only what is asked for", async () => {
    const file = join(FIXTURES, "linkerd_proxy_route.json")
    const { exit, lines } = await conformance(file, fixture("outlier"), "--only", "own", "--verbose")
    expect(lines.at(-1)).toBe("4 passed, 1 failed, 1 skipped")
    expect(lines).toContain("        passed   longer prefix")
    expect(exit).toBe(1)
  })

  it("says what it cannot read", async () => {
    expect(await conformance()).toMatchObject({ exit: 2 })
    expect(await conformance(join(ROOT, "package.json"))).toMatchObject({ exit: 2 })
    expect(await conformance(join(FIXTURES, "nothing.json"))).toMatchObject({ exit: 2 })
  })

  it.skipIf(!existsSync(CASES))(
    "passes every case of Envoy's, Linkerd's and Spring's that can apply to Workers",
    async () => {
      const envoy = ["outlier", "weighted", "retry", "router_check"].map((form) => `envoy_${form}`)
      const files = [...envoy, "linkerd_proxy_route", "spring_cloud_gateway"].map((name) => join(CASES, `${name}.json`))
      const { exit, lines, out } = await conformance(...files.filter((file) => existsSync(file)))
      expect(lines.at(-1), out).toMatch(/^\d+ passed, 0 failed, \d+ skipped$/)
      expect(exit).toBe(0)
    },
  )
})
