/**
 * A real mesh for the cases of one run: proxy and control in workerd, an echo Worker in the place of every backend, and a front with
 * a binding for each door. Documents come in by the CLI's own apply.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { startLocalMesh } from "#cli/local/mesh.ts"
import { run } from "#cli/program.ts"
import { Client, type Received, type Sending } from "./client.ts"
import type { CaseRequest, Door, EchoBackend, FormTest } from "./form.ts"

export interface Bench {
  /** Makes the mesh hold these documents and nothing else. Throws with what the CLI said when it refuses. */
  apply(documents: readonly object[]): Promise<void>
  remove(kind: string, namespace: string, name: string): Promise<void>
  send(door: Door, request: CaseRequest): Promise<Received>
  /** The backends and paths of the requests that arrived since the last call. */
  arrived(): Promise<readonly { readonly backend: string; readonly path: string }[]>
  stop(): Promise<void>
}

const ROOT = resolve(import.meta.dirname, "..")
const TOKEN = "weft_token_of_the_conformance_runner"
const COMPATIBILITY_DATE = "2026-10-20"
/** Isolates ask for news this often, so that a test need not wait for the usual lease. */
const LEASE_MS = 50
const CONVERGENCE_MS = 100_000

/** What a mesh is emptied with: a mesh cannot be pruned to nothing. */
const EMPTY = { namespace: "conformance", services: { nothing: { url: "https://nothing.example" } } }

export async function startBench(tests: readonly FormTest[]): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), "weft-conformance-"))
  const doors = doorBindings(tests)
  const mesh = await startLocalMesh({
    // The front has the port, and the proxy stands behind it.
    proxyConfig: await project(folder, "front", frontConfig(doors)),
    controlConfig: join(ROOT, "workers/control/wrangler.toml"),
    projects: [
      await project(folder, "weft", proxyConfig(tests.flatMap(({ backends }) => backends))),
      await project(folder, "echo", echoConfig()),
    ],
    ingressPort: 0,
    controlPort: 0,
    adminToken: TOKEN,
  })
  const client = new Client(mesh.ingressUrl)
  const send = (door: Door, request: CaseRequest) => {
    const sending = sendingOf(doors.get(keyOf(door))!.binding, request)
    return request.webSocket ? client.exchange(sending) : client.send(sending)
  }

  async function weft(args: readonly string[], stdin = ""): Promise<string> {
    const { exit, out, err } = await runCli(args, mesh.controlUrl, stdin)
    if (exit !== 0) throw new Error(`weft ${args[0]}: ${err || out}`)
    return out
  }
  const changed = async (out: string) => converged(client, (JSON.parse(out) as { revision: number }).revision)
  const applyAll = async (documents: readonly object[]) =>
    weft(
      ["apply", "-f", "-", "--prune", "--confirm", "-o", "json"],
      documents.map((one) => JSON.stringify(one)).join("\n---\n"),
    )

  return {
    async apply(documents) {
      // Nothing of a test may be older than the rest of it only because an earlier test had something of that name.
      await applyAll([EMPTY])
      await changed(await applyAll(documents))
    },
    async remove(kind, namespace, name) {
      await changed(await weft(["delete", kind, `${namespace}/${name}`, "--confirm", "-o", "json"]))
    },
    send,
    async arrived() {
      const response = await mesh.dispatchTo("echo", new Request("http://echo/"))
      return (await response.json()) as { backend: string; path: string }[]
    },
    async stop() {
      client.close()
      await mesh.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The door that is always there: it tells which revision the proxy serves. */
const PROBE: Door = { at: "gateway", gateway: "default/default", port: 80 }

async function converged(client: Client, revision: number): Promise<void> {
  const untilMs = performance.now() + CONVERGENCE_MS
  const request = { scheme: "http", host: "probe.conformance", target: "/", method: "GET", webSocket: false } as const
  const sending = sendingOf("D0", { ...request, headers: [["weft-debug", "1"]] })
  for (;;) {
    const { headers } = await client.send(sending)
    const [, serving] = /\brevision=(\d+)/.exec(headers["weft-debug"] ?? "") ?? []
    if (Number(serving) >= revision) return
    if (performance.now() > untilMs) throw new Error(`the proxy does not serve revision ${revision}`)
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS / 4))
  }
}

interface DoorBinding {
  readonly binding: string
  readonly door: Door
}

function doorBindings(tests: readonly FormTest[]): ReadonlyMap<string, DoorBinding> {
  const all = [PROBE, ...tests.flatMap(({ cases }) => cases.filter(({ skip }) => !skip).map(({ door }) => door))]
  const distinct = new Map(all.map((door) => [keyOf(door), door]))
  return new Map([...distinct].map(([key, door], index) => [key, { binding: `D${index}`, door }]))
}

function keyOf(door: Door): string {
  return door.at === "gateway" ? `${door.gateway}:${door.port}` : `${door.from}>${door.to}`
}

function sendingOf(binding: string, { scheme, host, target, method, headers }: CaseRequest): Sending {
  const ours = [
    ["host", host],
    ["x-conformance-door", binding],
    ["x-conformance-scheme", scheme],
  ] as const
  return { method, target, headers: [...ours, ...headers] }
}

async function project(folder: string, name: string, config: object): Promise<string> {
  await mkdir(join(folder, name))
  const path = join(folder, name, "wrangler.json")
  await writeFile(path, JSON.stringify({ name, compatibility_date: COMPATIBILITY_DATE, ...config }))
  return path
}

function frontConfig(doors: ReadonlyMap<string, DoorBinding>): object {
  const services = [...doors.values()].map(({ binding, door }) =>
    door.at === "gateway"
      ? { binding, service: "weft", entrypoint: "Gateway", props: { gateway: door.gateway, port: door.port } }
      : { binding, service: "weft", entrypoint: "Sidecar", props: { from: door.from, to: door.to } },
  )
  return { main: join(ROOT, "conformance/workers/front.ts"), services }
}

/** A backend that calls another one through the mesh. */
function echoConfig(): object {
  const props = { from: "traces/vendor", to: "traces/harness" }
  return {
    main: join(ROOT, "conformance/workers/echo.ts"),
    services: [{ binding: "MESH", service: "weft", entrypoint: "Sidecar", props }],
  }
}

function proxyConfig(backends: readonly EchoBackend[]): object {
  const distinct = new Map(backends.map((backend) => [backend.binding, backend]))
  return {
    main: join(ROOT, "workers/proxy/index.ts"),
    durable_objects: {
      bindings: [{ name: "ROUTE_TABLE", class_name: "RouteTableObject", script_name: "weft-control" }],
    },
    vars: { WEFT_DEBUG: "on", WEFT_LEASE_MS: String(LEASE_MS) },
    services: [...distinct.values()].map(({ binding, backend, namespace, entrypoint = "Echo", props }) => {
      return { binding, service: "echo", entrypoint, props: { backend, namespace, ...props } }
    }),
  }
}

async function runCli(args: readonly string[], url: string, stdin: string) {
  const out: string[] = []
  const err: string[] = []
  const exit = await run(args, {
    env: { WEFT_URL: url, WEFT_TOKEN: TOKEN, NO_COLOR: "1" },
    cwd: ROOT,
    out: { terminal: false, write: (text) => void out.push(text) },
    err: { terminal: false, write: (text) => void err.push(text) },
    stdin: async () => stdin,
    ask: async () => undefined,
    trustAnyCertificate() {},
    nowMs: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    wrangler: () => Promise.reject(new Error("the runner deploys nothing")),
    interrupted: () => new Promise(() => {}),
    later: () => () => {},
    onKey: () => () => {},
  })
  return { exit, out: out.join(""), err: err.join("") }
}
