import { spawn } from "node:child_process"
import { cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { folderOf, weftProcess } from "#test/support/cli.ts"
import { type FakeControl, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

const ROOT = fileURLToPath(new URL("../..", import.meta.url))
/** Has a process say in the end what it took of the processor. */
const TELLS_CPU_TIME = `data:text/javascript,${encodeURIComponent(
  'process.on("exit",()=>{const{user,system}=process.cpuUsage();console.error("cpu "+(user+system))})',
)}`
const LAUNCHER = join(ROOT, "cli/weft.mjs")
/** A Node too old to strip types, where the machine has one. */
const OLD_NODE = ["/usr/bin/node", "/usr/local/bin/node"].find((path) => existsSync(path))

let control: FakeControl
beforeAll(async () => {
  control = await startFakeControl()
})
afterAll(() => control.stop())
const env = () => ({ WEFT_URL: control.url, WEFT_TOKEN: TOKEN })

describe("the launcher", () => {
  it("runs a command from start to end: output, errors, exit codes", async () => {
    const cwd = folderOf({ "mesh.yaml": "services: { cart: {} }\n", "bad.yaml": "services: [\n" })
    expect(await weftProcess(["apply", "-f", "mesh.yaml"], { cwd, env: env() })).toEqual({
      exit: 0,
      // What it says when it takes longer than a second.
      err: expect.stringMatching(/^(applying\n)?$/),
      out: "+ Service default/cart\nrevision 1 applied: 1 added\n",
    })
    expect(
      await weftProcess(["diff", "-f", "-"], { env: env(), stdin: "services: { cart: { url: https://c.test } }" }),
    ).toMatchObject({
      exit: 1,
      err: "1 changed against revision 1\n",
    })
    expect(await weftProcess(["apply", "-f", "bad.yaml"], { cwd, env: env() })).toMatchObject({ exit: 1, out: "" })
    expect(await weftProcess(["nope"])).toMatchObject({ exit: 2 })
    expect(await weftProcess(["status", "--url", "http://127.0.0.1:1"])).toMatchObject({ exit: 3, out: "" })
    expect(await weftProcess(["status"], { env: { WEFT_URL: control.url } })).toMatchObject({ exit: 4, out: "" })
  })

  it.runIf(OLD_NODE)("runs on a Node that cannot strip types, by the one that the project brings", async () => {
    const ran = await weftProcess(["status", "-o", "json"], { env: env(), node: OLD_NODE! })
    expect(ran).toMatchObject({ exit: 0, err: "" })
    expect((await weftProcess(["nope"], { node: OLD_NODE! })).exit).toBe(2)
  })

  it("reads a weft.config.ts that imports weft/config, without a word on standard error", async () => {
    const text = `import { defineMesh } from "weft/config"
const names: readonly string[] = ["cart", "orders"]
export default defineMesh({ services: Object.fromEntries(names.map((name) => [name, {}])) })
`
    const ran = await weftProcess(["check", "-f", "weft.config.ts"], { cwd: folderOf({ "weft.config.ts": text }) })
    expect(ran).toEqual({ exit: 0, err: "", out: "no problems in 2 resources\n" })
  })

  it("runs where it is installed as a package", async () => {
    const folder = folderOf({ "app/package.json": "{}" })
    const weft = join(folder, "app/node_modules/weft")
    mkdirSync(weft, { recursive: true })
    for (const part of ["cli", "shared", "package.json"])
      cpSync(join(ROOT, part), join(weft, part), { recursive: true })
    for (const name of ["commander", "yaml", "zod", "re2js"])
      symlinkSync(join(ROOT, "node_modules", name), join(folder, "app/node_modules", name))
    const ran = await new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
      const child = spawn(process.execPath, [join(weft, "cli/weft.mjs"), "check", "-f", "-"])
      const [out, err]: [string[], string[]] = [[], []]
      child.stdout.on("data", (chunk) => out.push(String(chunk)))
      child.stderr.on("data", (chunk) => err.push(String(chunk)))
      child.on("close", (code) => resolve({ code, out: out.join(""), err: err.join("") }))
      child.stdin.end("services: { cart: {} }")
    })
    expect(ran).toEqual({ code: 0, err: "", out: "no problems in 1 resource\n" })
  })

  it("starts fast: without what only some commands need", async () => {
    const used = async (args: readonly string[]) => {
      const child = spawn(process.execPath, ["--import", TELLS_CPU_TIME, ...args], {
        stdio: ["ignore", "ignore", "pipe"],
      })
      return Number(/cpu (\d+)/.exec((await child.stderr.toArray()).join(""))![1])
    }
    await used([LAUNCHER, "version"])
    const [weft, node, wrangler] = [
      await used([LAUNCHER, "version"]),
      await used(["--eval", "0"]),
      await used(["--eval", 'import("wrangler")']),
    ]
    // By the processor, not by the clock: a busy machine has others to serve as well.
    expect(weft - node).toBeLessThan((wrangler - node) / 2)
  })

  it("is silent when its reader leaves early", async () => {
    const ran = await new Promise<string>((resolve) => {
      const child = spawn("sh", ["-c", `"${process.execPath}" "${join(ROOT, "cli/weft.mjs")}" --help | head -1`])
      const said: string[] = []
      child.stdout.on("data", (chunk) => said.push(String(chunk)))
      child.stderr.on("data", (chunk) => said.push(String(chunk)))
      child.on("close", () => resolve(said.join("")))
    })
    expect(ran).toBe("Usage: weft <command> [options]\n")
  })
})
