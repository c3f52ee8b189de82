/** The runner by itself: small Workers in the places of proxy and control. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { LocalMeshError } from "#cli/local/error.ts"
import type { LogLine } from "#cli/local/logs.ts"
import { type LocalMesh, startLocalMesh } from "#cli/local/mesh.ts"
import { watchProjects } from "#cli/local/watch.ts"
import { eventually } from "#test/support/eventually.ts"

const PROXY = `
import { WorkerEntrypoint } from "cloudflare:workers"
export class Sidecar extends WorkerEntrypoint {
  who() { return this.ctx.props.from }
}
export default {
  async fetch(request, env) {
    if (request.headers.get("upgrade") === "websocket") {
      const [client, server] = Object.values(new WebSocketPair())
      server.accept()
      server.addEventListener("message", ({ data }) => server.send("echo " + data))
      return new Response(null, { status: 101, webSocket: client })
    }
    if (request.url.endsWith("/app")) return env.APP.fetch(request).catch((error) => new Response("threw " + error.message))
    return new Response([request.url, request.headers.get("host")].join(" "))
  },
}`

const CONTROL = `
import { DurableObject } from "cloudflare:workers"
export class Counter extends DurableObject {
  count() {
    const n = (this.ctx.storage.kv.get("n") ?? 0) + 1
    this.ctx.storage.kv.put("n", n)
    return n
  }
}
export default {
  async fetch(request, env) {
    return Response.json({ token: env.WEFT_ADMIN_TOKEN, n: await env.COUNTER.getByName("c").count() })
  },
}`

const APP = `
import greeting from "./greeting.txt"
export default {
  async fetch(request, env) {
    if (request.method === "DELETE") throw new Error("no")
    console.warn("seen", { n: 1 })
    const { url } = request
    const n = await env.COUNTER.getByName("other").count()
    return Response.json({ greeting, secret: env.SECRET, from: await env.MESH.who(), kv: await env.KV.get("k"), n, url })
  },
}`

/** All that can be called from outside and throw, at once or later. */
const THROWER = `
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers"
class Base extends WorkerEntrypoint {
  inherited() { return this.#fail() }
  #fail() { throw new TypeError("inherited fails") }
}
export class Rpc extends Base {
  at_once() { throw new Error("at once") }
  async later() { await Promise.resolve(); throw new Error("later") }
  async add(a, b) { return a + b + this.env.ONE }
  get property() { return "a property" }
}
export class Thing extends DurableObject {
  #n = 41
  async fails() { throw new Error("the object fails " + this.#n) }
  next() { return ++this.#n }
}
export default {
  async fetch(request, env, ctx) {
    const said = async (call) => { try { return await call() } catch (error) { return error.message } }
    if (new URL(request.url).pathname === "/fails") throw new Error("the handler fails")
    const thing = env.THING.getByName("t")
    return Response.json([
      await said(() => env.RPC.inherited()), await said(() => env.RPC.at_once()), await said(() => env.RPC.later()),
      await said(() => thing.fails()), await env.RPC.add(1, 2), await env.RPC.property, await thing.next(),
    ])
  },
}`

const CONFIGS = {
  proxy: { name: "weft", services: [{ binding: "APP", service: "app" }] },
  control: {
    name: "weft-control",
    durable_objects: { bindings: [{ name: "COUNTER", class_name: "Counter" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["Counter"] }],
  },
  app: {
    name: "app",
    services: [{ binding: "MESH", service: "weft", entrypoint: "Sidecar", props: { from: "app" } }],
    durable_objects: { bindings: [{ name: "COUNTER", class_name: "Counter", script_name: "weft-control" }] },
    kv_namespaces: [{ binding: "KV", id: "kv" }],
  },
  thrower: {
    name: "thrower",
    services: [{ binding: "RPC", service: "thrower", entrypoint: "Rpc" }],
    durable_objects: { bindings: [{ name: "THING", class_name: "Thing" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["Thing"] }],
    vars: { ONE: 1 },
  },
}

let root: string
let mesh: LocalMesh
const logs: LogLine[] = []

async function project(name: string, config: object, source: string): Promise<string> {
  const folder = join(root, name)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, "index.js"), source)
  await writeFile(
    join(folder, "wrangler.json"),
    JSON.stringify({ main: "index.js", compatibility_date: "2026-10-20", ...config }),
  )
  return folder
}

const start = (projects: string[], ingressPort = 0): Promise<LocalMesh> =>
  startLocalMesh({
    proxyConfig: join(root, "proxy"),
    controlConfig: join(root, "control"),
    projects,
    ingressPort,
    controlPort: 0,
    persistTo: join(root, "state"),
    adminToken: "secret-of-control",
    onLog: (line) => logs.push(line),
  })

const problemsOf = async (attempt: Promise<unknown>): Promise<string[]> => {
  const error = await attempt.then(
    () => undefined,
    (error) => error,
  )
  expect(error).toBeInstanceOf(LocalMeshError)
  return (error as LocalMeshError).problems.map(({ rule }) => rule)
}

/** Bytes as they are, which no HTTP client sends. */
function raw(url: string, requestLine: string, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () =>
      socket.write(`${requestLine} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    )
    let text = ""
    socket.on("data", (data) => (text += data))
    socket.on("close", () => resolve(text.split("\r\n\r\n")[1] ?? ""))
    socket.on("error", reject)
  })
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "weft-local-test-"))
  await project("proxy", CONFIGS.proxy, PROXY)
  await project("control", CONFIGS.control, CONTROL)
  await project("app", CONFIGS.app, APP)
  await writeFile(join(root, "app/greeting.txt"), "hello")
  await writeFile(join(root, "app/.dev.vars"), "SECRET=from-dev-vars\n")
  await project("thrower", CONFIGS.thrower, THROWER)
  mesh = await start([join(root, "app"), join(root, "thrower")])
})

afterAll(async () => {
  await mesh?.stop()
  await rm(root, { recursive: true, force: true })
})

const app = async (): Promise<Record<string, unknown>> =>
  (await fetch(`${mesh.ingressUrl}/app`)).json() as Promise<Record<string, unknown>>

describe("a local mesh", () => {
  it("gives Workers what wrangler would: circular bindings, props, secrets, texts, namespaces, others' objects", async () => {
    expect(await app()).toMatchObject({ greeting: "hello", secret: "from-dev-vars", from: "app", kv: null, n: 1 })
  })

  it("gives control its token and the outside its port", async () => {
    expect(await (await fetch(mesh.controlUrl)).json()).toMatchObject({ token: "secret-of-control" })
  })

  it.each([
    ["/a/../b", "Shop.Example.COM:99"],
    ["/a/%2e%2e/b//c\\d", "shop.test"],
    ["/%zz?q=%", "shop.test"],
    ["//evil.test/x", "shop.test"],
  ])("lets the path %s and the host %s through as they were sent", async (path, host) => {
    expect(await raw(mesh.ingressUrl, `GET ${path}`, host)).toBe(`http://${host}${path} ${host}`)
  })

  it("lets an exception reach the caller as one, as in production", async () => {
    expect(await (await fetch(`${mesh.ingressUrl}/app`, { method: "DELETE" })).text()).toBe("threw no")
  })

  it("passes web sockets", async () => {
    const socket = new WebSocket(mesh.ingressUrl.replace("http", "ws"))
    socket.onopen = () => socket.send("hi")
    expect(await new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)))).toBe("echo hi")
    socket.close()
  })

  it("says which Worker wrote a line", async () => {
    await app()
    await eventually(async () => logs.some(({ message }) => message === "seen { n: 1 }"))
    expect(logs.find(({ message }) => message.startsWith("seen"))).toMatchObject({ worker: "app", level: "warn" })
  })

  it("says what a Worker throws, with its stack, and changes nothing of what its callers see", async () => {
    const response = await mesh.dispatchTo("thrower", new Request("http://anything.test/"))
    const seen = ["inherited fails", "at once", "later", "the object fails 41", 4, "a property", 42]
    expect(await response.json()).toEqual(seen)
    await mesh.dispatchTo("thrower", new Request("http://anything.test/fails")).catch(() => {})
    const thrown = () => logs.filter(({ worker, message }) => worker === "thrower" && message.includes(" threw "))
    await eventually(async () => thrown().length >= 5)
    expect(thrown().map(({ message }) => message.split("\n")[0])).toEqual([
      "inherited threw TypeError: inherited fails",
      "at_once threw Error: at once",
      "later threw Error: later",
      "fails threw Error: the object fails 41",
      "fetch threw Error: the handler fails",
    ])
    for (const { level, message } of thrown())
      expect([level, message]).toEqual(["error", expect.stringMatching(/\n +at /)])
  })

  it("sends a request to one Worker past the mesh", async () => {
    const response = await mesh.dispatchTo("app", new Request("http://anything.test/x"))
    expect(await response.json()).toMatchObject({ url: "http://anything.test/x" })
  })

  it("reloads a project on its port, with its state, and keeps the old one when the new one is wrong", async () => {
    const file = join(root, "app/greeting.txt")
    const before = (await app()).n as number
    await writeFile(file, "good day")
    await mesh.reload("app")
    expect(await app()).toMatchObject({ greeting: "good day", n: before + 1 })

    await writeFile(join(root, "app/index.js"), `${APP}\nconst = 1`)
    expect(await problemsOf(mesh.reload(join(root, "app")))).toEqual(["build-failed"])
    expect(await app()).toMatchObject({ greeting: "good day" })
    await writeFile(join(root, "app/index.js"), `${APP}\nthrow new Error("at start")`)
    expect(await problemsOf(mesh.reload("app"))).toEqual(["start-failed"])
    expect(await app()).toMatchObject({ greeting: "good day" })
    await writeFile(join(root, "app/index.js"), APP)
    expect(await problemsOf(mesh.reload("nobody"))).toEqual(["project-missing"])
  })

  it("reloads by itself what is watched", async () => {
    const reloaded: string[] = []
    const failed: string[] = []
    const unwatch = watchProjects(mesh, {
      sinceMs: Date.now(),
      onReload: (names) => reloaded.push(...names),
      onError: (names) => failed.push(...names),
    })
    const file = join(root, "app/index.js")
    await writeFile(file, `${await readFile(file, "utf8")}\nimport "./late.js"`)
    await eventually(async () => failed.length > 0)
    await writeFile(join(root, "app/late.js"), "export {}")
    await eventually(async () => reloaded.length > 0)
    expect(new Set([...reloaded, ...failed])).toEqual(new Set(["app"]))
    unwatch()
  })

  it("keeps what objects stored when it is started again", async () => {
    const before = (await app()).n as number
    await mesh.stop()
    await project("thrower", CONFIGS.thrower, THROWER)
    mesh = await start([join(root, "app"), join(root, "thrower")])
    expect((await app()).n).toBe(before + 1)
  })
})

describe("a mesh that cannot start", () => {
  it("names every project that is no project, and the port that is taken", async () => {
    await mkdir(join(root, "empty"), { recursive: true })
    const nameless = await project("nameless", {}, "export default {}")
    const broken = await project("broken", { name: "broken" }, "export default {")
    const taken = Number(new URL(mesh.ingressUrl).port)
    const attempt = start([join(root, "nowhere"), join(root, "empty"), nameless, broken], taken)
    const rules = ["port-taken", "state-in-use", "project-missing", "config-missing", "name-missing", "build-failed"]
    expect(await problemsOf(attempt)).toEqual(rules)
  })

  it("names every binding that leads nowhere and every name that two projects share", async () => {
    const services = [
      { binding: "X", service: "x" },
      { binding: "Y", service: "weft", entrypoint: "Y" },
    ]
    const lost = await project("lost", { name: "lost", services }, "export default {}")
    const twin = await project("twin", { name: "app" }, "export default {}")
    const attempt = start([join(root, "app"), lost, twin])
    expect((await problemsOf(attempt)).sort()).toEqual([
      "export-missing",
      "name-taken",
      "state-in-use",
      "worker-missing",
    ])
  })
})
