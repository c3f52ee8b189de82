import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { apply } from "#cli/local/seed.ts"
import { localToken } from "#cli/local/token.ts"
import type { RevisionList } from "#shared/protocol/control-api.ts"
import { eventually } from "#test/support/eventually.ts"
import { ROOT } from "./shop-mesh.ts"

interface Started {
  readonly child: ChildProcess
  readonly shop: string
  readonly control: string
  readonly output: () => string
}

let folder: string
let running: ChildProcess[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-crash-"))
  running = []
})

afterEach(async () => {
  for (const child of running) child.kill("SIGKILL")
  await rm(folder, { recursive: true, force: true })
})

/** What `npm start` runs, in a process of its own. */
async function start(): Promise<Started> {
  const args = ["scripts/start.ts", "--port", "0", "--control-port", "0", "--state", folder, "--quiet"]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] })
  running.push(child)
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text))
  const found = (name: string) => new RegExp(`${name} +(http://\\S+)`).exec(output)?.[1]
  await eventually(() => (found("control") !== undefined && output.includes("Ctrl-C")) || exited(child, output))
  return { child, shop: found("shop")!, control: found("control")!, output: () => output }
}

function exited(child: ChildProcess, output: string): never | false {
  if (child.exitCode === null) return false
  throw new Error(`it ended: ${output}`)
}

function ended(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once("exit", resolve))
}

/** Whether this mesh is served there. Somebody else may have taken the port meanwhile, and does not know its token. */
const isServed = async (control: string, token: string): Promise<boolean> =>
  fetch(`${control}/v1/status`, { headers: { authorization: `Bearer ${token}` } }).then(
    ({ ok }) => ok,
    () => false,
  )

/** A route whose weights say which apply it came from. */
const documentOf = (weight: number) => [
  {
    source: "test",
    content: {
      routes: {
        orders: {
          service: "orders",
          rules: [
            {
              backends: [
                { service: "orders", subset: "v1", weight: 1_000 },
                { service: "orders", subset: "v2", weight },
              ],
            },
          ],
        },
      },
    },
  },
]

async function revisions(control: string, token: string): Promise<RevisionList["revisions"]> {
  const response = await fetch(`${control}/v1/revisions?limit=200`, { headers: { authorization: `Bearer ${token}` } })
  return ((await response.json()) as RevisionList).revisions
}

describe("a mesh that is killed", () => {
  it("comes back with every revision that it acknowledged, and with the orders", async () => {
    const first = await start()
    const token = await localToken(folder)
    const order = await fetch(`${first.shop}/buy`, {
      method: "POST",
      body: new URLSearchParams({ product: "scarf" }),
      redirect: "manual",
    })
    const orderId = order.headers.get("location")!.split("=")[1]!

    const acknowledged: { revision: number; digest: string }[] = []
    let alive = true
    const applying = (async () => {
      for (let weight = 1; alive && weight < 190; weight++) {
        const { revision, digest } = await apply(first.control, token, { documents: documentOf(weight) })
        acknowledged.push({ revision, digest })
      }
    })().catch(() => {})
    await eventually(async () => acknowledged.length >= 25)
    first.child.kill("SIGKILL")
    alive = false
    await applying

    // The runtime does not outlive its starter: nobody else may hold the objects.
    await eventually(async () => !(await isServed(first.control, token)))

    const second = await start()
    const kept = await revisions(second.control, token)
    expect(kept).toEqual(expect.arrayContaining(acknowledged.map((revision) => expect.objectContaining(revision))))
    // Dense, and at most the one in flight came on top.
    expect(kept.map(({ revision }) => revision)).toEqual(kept.map((_, index) => kept.length - index))
    expect(kept.length - acknowledged.at(-1)!.revision).toBeLessThanOrEqual(1)
    expect(second.output()).toContain("as it was left")
    expect(await (await fetch(`${second.shop}/?order=${orderId}`)).text()).toContain("Herringbone scarf is yours")
  })
})

describe("npm start", () => {
  it("stops on Ctrl-C, keeps the token to its owner and leaves no runtime behind", async () => {
    const { child, shop, control, output } = await start()
    // What it says is up answers, from the first request on.
    expect((await fetch(shop)).status).toBe(200)
    expect((await stat(join(folder, "token"))).mode & 0o777).toBe(0o600)
    const token = await localToken(folder)
    expect(output()).toContain(token)
    expect(await isServed(control, token)).toBe(true)
    const end = ended(child)
    child.kill("SIGINT")
    expect(await end).toBe(0)
    expect(output()).toContain("Stopped")
    expect(await isServed(control, token)).toBe(false)
  })

  it("says which port is taken and by what flag, and starts nothing", async () => {
    const taken = createServer().listen(0, "127.0.0.1")
    await once(taken, "listening")
    const port = `${(taken.address() as AddressInfo).port}`
    const args = ["scripts/start.ts", "--ingress-port", port, "--control-port", "0", "--state", join(folder, "other")]
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] })
    running.push(child)
    let output = ""
    child.stderr.on("data", (text) => (output += text))
    expect(await ended(child)).toBe(1)
    taken.close()
    expect(output).toContain(`--ingress-port: port ${port} is taken`)
    // By whom, where the system tells.
    if (process.platform === "linux") expect(output).toContain(`(process ${process.pid})`)
  })
})
