import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { folderOf, weft } from "#test/support/cli.ts"
import { eventually } from "#test/support/eventually.ts"

const LAUNCHER = fileURLToPath(new URL("../../../cli/weft.mjs", import.meta.url))

const MESH = `services:
  hello: {}
routes:
  public:
    hosts: ["*"]
    rules:
      - match: { path: /old }
        filters: [{ redirect: { path: /new } }]
      - backends: [{ service: hello }]
`

/** A newcomer's folder: a Worker, a document, nothing else. */
const NEWCOMER = {
  "hello/wrangler.toml": 'name = "hello"\nmain = "index.js"\ncompatibility_date = "2026-10-20"\n',
  "hello/index.js": 'export default { fetch: () => new Response("hello") }\n',
  "mesh.yaml": MESH,
}
const cwd = folderOf(NEWCOMER)

interface Up {
  readonly child: ChildProcess
  said: string
  readonly env: { readonly WEFT_URL: string }
  get(path: string): Promise<string>
}

/** Starts a mesh in the folder on ports of its own; ready once the documents are applied. */
async function start(cwd: string, ...more: string[]): Promise<Up> {
  const argv = ["up", "hello", "--ingress-port", "0", "--control-port", "0", "--apply", "mesh.yaml", ...more]
  const child = spawn(process.execPath, [LAUNCHER, ...argv], { cwd })
  started.push(child)
  const state = { said: "" }
  const hear = (chunk: Buffer) => {
    state.said += chunk
  }
  child.stdout.on("data", hear)
  child.stderr.on("data", hear)
  await eventually(() => state.said.includes("revision 1 applied") || endedWith(child, state.said))
  const [, ingress, control] = /ingress {2}(\S+)\ncontrol {2}(\S+)/.exec(state.said)!
  const get = async (path: string) => (await fetch(ingress + path)).text()
  return Object.assign(state, { child, env: { WEFT_URL: control! }, get })
}

function endedWith(child: ChildProcess, said: string): false {
  if (child.exitCode !== null) throw new Error(`it ended: ${said}`)
  return false
}

const started: ChildProcess[] = []
let up: Up
beforeAll(async () => {
  up = await start(cwd)
})
afterAll(() => {
  for (const child of started) child.kill("SIGKILL")
})

const run = (...argv: string[]) => weft(argv, { cwd, env: up.env, realTime: true })

describe("up", () => {
  it("has the Worker in the mesh without any config of the proxy", async () => {
    expect(await up.get("/")).toBe("hello")
    expect(statSync(join(cwd, ".weft/token")).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(cwd, ".weft/.gitignore"), "utf8")).toBe("*\n")
  })

  it("is found, with its token, by every command", async () => {
    expect(await weft(["status"], { cwd: join(cwd, "hello"), realTime: true })).toMatchObject({ exit: 0 })
    const status = JSON.parse((await run("status", "-o", "json")).out)
    expect(status).toMatchObject({ head: { revision: 1, author: "root" }, services: 1, routes: 1, unbound: [] })
    expect((await run("get", "services")).out).toContain("default    hello")
  })

  it("applies, waits, shows problems in place, diffs and rolls back on the real control", async () => {
    writeFileSync(join(cwd, "next.yaml"), MESH.replace("/old", "/older"))
    const traffic = setInterval(() => void up.get("/").catch(() => {}), 100)
    const applied = await run("apply", "-f", "next.yaml", "--wait", "-m", "older")
    clearInterval(traffic)
    expect(applied).toMatchObject({ exit: 0, out: "~ Route default/public\nrevision 2 applied: 1 changed\n" })
    expect(applied.err).toMatch(/1 isolate serves revision 2 after \d\.\ds\n$/)

    writeFileSync(join(cwd, "bad.yaml"), MESH.replace("/old", "old").replace("service: hello", "service: helo"))
    const bad = await run("apply", "-f", "bad.yaml")
    expect(bad).toMatchObject({ exit: 1, out: "" })
    expect(bad.err).toContain('bad.yaml:7:24  routes.public.rules[0].match.path  "old" must begin with "/"\n')
    expect(bad.err).toMatch(/; nothing was applied\n$/)

    expect((await run("diff", "1", "2")).out).toMatch(/- +path: \/old\n +\+ +path: \/older\n/)
    expect((await run("rollback", "-m", "back")).out).toBe(
      "~ Route default/public\nrevision 3 restores revision 1: 1 changed\n",
    )
    const history = await run("history")
    expect(history.out).toMatch(/^3 +\d+[sm] +root +\+0 ~1 -0 +restores 1: back$/m)
    expect((await run("delete", "service", "hello")).err).toContain("; nothing was changed\n")
    expect((await run("delete", "route", "none")).err).toBe(
      "error: There is no Route default/none.\n  `weft get Route` lists what there is\n",
    )
  })

  it("makes, lists and revokes tokens on the real control", async () => {
    const created = await run("token", "create", "ci", "--expires", "1h")
    expect(created.err).toBe("token ci (viewer), good for 1h; it is shown only now\n")
    const asViewer = (...argv: string[]) =>
      weft(argv, { cwd, env: { ...up.env, WEFT_TOKEN: created.out.trim() }, realTime: true })
    expect((await asViewer("status")).exit).toBe(0)
    expect(await asViewer("delete", "route", "public")).toMatchObject({ exit: 4, out: "" })
    expect((await run("token", "list")).out).toMatch(/^ci +viewer +all +\d+s +in 1h/m)
    expect((await run("token", "revoke", "ci")).exit).toBe(0)
    expect((await asViewer("status")).exit).toBe(4)
  })

  it("follows changes of Workers and documents with --watch", async () => {
    const cwd = folderOf(NEWCOMER)
    const watching = await start(cwd, "--watch")
    writeFileSync(join(cwd, "hello/index.js"), 'export default { fetch: () => new Response("hi") }\n')
    await expect.poll(() => watching.get("/").catch(() => "")).toBe("hi")
    writeFileSync(join(cwd, "mesh.yaml"), MESH.replace("/old", "/oldest"))
    await expect.poll(() => watching.said).toContain("revision 2 applied")
  })

  it("says what is wrong with a project before it starts anything", async () => {
    expect(await weft(["up", "nowhere"], { cwd })).toMatchObject({
      exit: 1,
      err: "error: there is no wrangler config at nowhere\n  a project is a folder with a wrangler config, or such a config\n",
    })
  })

  it("stops in order on Ctrl-C, and keeps its state", async () => {
    const ended = new Promise((resolve) => up.child.on("exit", (code, signal) => resolve(signal ?? code)))
    up.child.kill("SIGINT")
    expect(await ended).toBe(0)
    expect(existsSync(join(cwd, ".weft/state"))).toBe(true)
    expect(existsSync(join(cwd, ".weft/control"))).toBe(false)
    expect((await run("status")).exit).toBe(3)
  })
})
