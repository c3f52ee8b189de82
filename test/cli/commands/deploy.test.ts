import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { runWrangler } from "#cli/wrangler-process.ts"
import { folderOf, weft } from "#test/support/cli.ts"

const config = (name: string, more = "") =>
  `name = "${name}"\nmain = "index.js"\ncompatibility_date = "2026-10-20"\naccount_id = "acc"\n${more}`
const bind = (binding: string, service: string, entrypoint?: string) =>
  `[[services]]\nbinding = "${binding}"\nservice = "${service}"\n${entrypoint ? `entrypoint = "${entrypoint}"\n` : ""}`
const SCRIPT = "export default { fetch: () => new Response('hi') }\n"

const folder = () =>
  folderOf({
    "wrangler.toml": config("weft", bind("ORDERS", "orders") + bind("CART", "cart")),
    "index.js": SCRIPT,
    "workers/control/wrangler.toml": config("weft-control"),
    "workers/control/index.js": SCRIPT,
    "orders/wrangler.toml": config("orders", bind("CART", "weft", "Sidecar")),
    "orders/index.js": SCRIPT,
    "several/wrangler.v1.toml": config("several"),
    "several/wrangler.v2.jsonc": "{}",
  })

/** A platform that has these Workers and refuses what the real one refuses. */
function platform(exists: string[]) {
  const calls: string[] = []
  const wrangler = async (_: string, args: readonly string[]) => {
    if (args[0] === "deployments") {
      const name = args[args.indexOf("--name") + 1]!
      calls.push(`look ${name}`)
      return exists.includes(name) ? { ok: true, output: "[]" } : { ok: false, output: "does not exist [code: 10007]" }
    }
    const text = readFileSync(args.at(-1)!, "utf8")
    const name = /name"?\s*[=:]\s*"([^"]+)"/.exec(text)![1]!
    const stub = args.at(-1)!.includes("weft-stub-")
    const missing = [...text.matchAll(/^service = "(.+)"/gm)]
      .map((match) => match[1]!)
      .filter((one) => !exists.includes(one))
    if (missing.length > 0) {
      calls.push(`refused ${name}`)
      return { ok: false, output: `Worker "${missing[0]}" was not found. [code: 10143]` }
    }
    exists.push(name)
    calls.push(stub ? `stub ${name} ${JSON.parse(text).account_id}` : `deploy ${name}`)
    return { ok: true, output: `Uploaded\n  https://${name}.me.workers.dev\n` }
  }
  return { calls, wrangler }
}

describe("deploy", () => {
  it("deploys control, then the proxy", async () => {
    const { calls, wrangler } = platform(["orders", "cart", "weft"])
    const ran = await weft(["deploy"], { cwd: folder(), wrangler })
    expect(ran).toEqual({
      exit: 0,
      err: "",
      out: "deployed weft-control  https://weft-control.me.workers.dev\ndeployed weft  https://weft.me.workers.dev\n",
    })
    expect(calls).toEqual(["deploy weft-control", "deploy weft"])
  })

  it("uploads stubs when the platform misses a Worker, only for those that do not exist, and tries again", async () => {
    const { calls, wrangler } = platform(["orders"])
    const ran = await weft(["deploy"], { cwd: folder(), wrangler })
    expect(ran.exit).toBe(0)
    expect(calls).toEqual([
      "deploy weft-control",
      "refused weft",
      "look cart",
      "stub cart acc",
      "look orders",
      "deploy weft",
    ])
    expect(ran.out).toContain("stub     cart; it answers 503 until it is deployed\n")
  })

  it("with --first uploads all stubs before, and deploys services between", async () => {
    const { calls, wrangler } = platform([])
    const ran = await weft(["deploy", "--first", "--services", "orders"], { cwd: folder(), wrangler })
    expect(ran.exit).toBe(0)
    expect(calls).toEqual([
      "look cart",
      "stub cart acc",
      "look weft",
      "stub weft acc",
      "deploy weft-control",
      "deploy orders",
      "deploy weft",
    ])
    expect(ran.out).toContain("wrangler secret put WEFT_ADMIN_TOKEN --config workers/control/wrangler.toml")
  })

  it("never stubs what it could not look for", async () => {
    const wrangler = async (_: string, args: readonly string[]) =>
      args[0] === "deployments"
        ? { ok: false, output: "In a non-interactive environment, set CLOUDFLARE_API_TOKEN" }
        : { ok: true, output: "" }
    const ran = await weft(["deploy", "--first"], { cwd: folder(), wrangler })
    expect(ran.exit).toBe(4)
    expect(ran.err).toContain("wrangler could not look for cart:\n  | In a non-interactive")
    expect(ran.err).toContain("npx wrangler login")
    expect(ran.out).not.toContain("stub")
  })

  it("shows wrangler's words when it fails", async () => {
    const wrangler = async () => ({ ok: false, output: "line one\nBuild failed with 1 error" })
    const ran = await weft(["deploy"], { cwd: folder(), wrangler })
    expect(ran).toMatchObject({
      exit: 1,
      err: "error: wrangler could not deploy weft-control:\n  | line one\n  | Build failed with 1 error\n",
    })
  })

  it.each([
    [
      "a folder of configs with other names",
      ["deploy", "--services", "several"],
      "there is no wrangler config at several\n  it has wrangler.v1.toml, wrangler.v2.jsonc: say which, as in several/wrangler.v1.toml",
    ],
    ["no proxy config", ["deploy", "--config", "x"], "there is no wrangler config at x\n  --config names the proxy's"],
    ["no control config", ["deploy", "--control", "x"], "--control names control's wrangler config"],
    ["no service", ["deploy", "--services", "x"], "--services takes folders"],
    ["one name twice", ["deploy", "--services", "."], "two configs have the name weft"],
  ])("refuses %s", async (_, argv, message) => {
    const ran = await weft(argv, { cwd: folder() })
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain(message)
  })

  it("prints its plan before a dry run", async () => {
    const wrangler = async () => ({ ok: true, output: "Total Upload: 1.20 KiB / gzip: 0.50 KiB\n" })
    const ran = await weft(["deploy", "--dry-run", "--services", "orders"], { cwd: folder(), wrangler })
    expect(ran).toEqual({
      exit: 0,
      err: "",
      out: `   WORKER        CONFIG                         BINDS
1  weft-control  workers/control/wrangler.toml
2  orders        orders/wrangler.toml           weft
3  weft          wrangler.toml                  orders, cart
stubs first, for those that do not exist yet: cart, weft (Sidecar)

weft-control  builds, 1.20 KiB (0.50 KiB compressed)
orders  builds, 1.20 KiB (0.50 KiB compressed)
weft  builds, 1.20 KiB (0.50 KiB compressed)
dry run: nothing was deployed
`,
    })
  })

  it("rehearses offline with the real wrangler", async () => {
    const ran = await weft(["deploy", "--dry-run"], { cwd: folder(), wrangler: runWrangler })
    expect(ran.exit).toBe(0)
    expect(ran.out).toMatch(/weft-control {2}builds, [\d.]+ KiB \([\d.]+ KiB compressed\)\nweft {2}builds, /)
  })
})
