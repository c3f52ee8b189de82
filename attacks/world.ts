/**
 * The mesh under attack: proxy and control in workerd as they are deployed, with the port of each open to bytes, and upstreams
 * that keep what reaches them, by service binding and by URL.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { unstable_readConfig as readConfig } from "wrangler"
import { type LocalMesh, startLocalMesh } from "#cli/local/mesh.ts"
import { apply } from "#cli/local/seed.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import type { Status } from "#shared/protocol/control-api.ts"
import { Origin } from "./origin.ts"
import type { Arrival, Script } from "./upstream.ts"
import { bytesOf, send } from "./wire.ts"

/** Every service that a stage may speak of has an upstream by this name. */
export const SERVICES = ["upstream", "a", "b", "shadow", "hook", "keys"] as const
export type ServiceName = (typeof SERVICES)[number]

/** Whom the mesh asks by itself: a request there is not the case's. */
const HELPERS: readonly string[] = ["hook", "keys"]

export const ADMIN_TOKEN = "weft_token_of_the_attack_runner_0123456789"

const ROOT = resolve(import.meta.dirname, "..")
/** Isolates ask for news this often, so that a case need not wait for the usual lease. */
const LEASE_MS = 20
const CONVERGENCE_MS = 100_000

export interface World {
  readonly ingressPort: number
  readonly controlPort: number
  readonly controlUrl: string
  readonly origin: Origin
  /** What the proxy has logged so far, a line each. */
  readonly log: readonly string[]
  /** Makes the mesh hold this and nothing else, and waits until the proxy serves it. Throws with what control said when it refuses. */
  apply(document: MeshDocument): Promise<void>
  /** An API key, which is good for as long as the world is. */
  makeApiKey(): Promise<string>
  /** Waits until the proxy serves what control holds. */
  settled(): Promise<void>
  /** How all upstreams answer from now on. */
  play(script: Script): Promise<void>
  /** What arrived at upstreams since it was last asked for. */
  drain(): Promise<Arrival[]>
  /** How often the mesh asked by itself, for keys or for somebody's word, what came with the last `drain`. */
  helped(): number
  /** How the faulty object fails from now on, where there is one. */
  fail(mode: string): Promise<void>
  /** How often it was asked since. */
  asked(): Promise<number>
  stop(): Promise<void>
}

export interface WorldOptions {
  /** Rate limits are kept by an object that fails. */
  readonly faulty?: boolean
}

export async function startWorld({ faulty = false }: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "weft-attacks-"))
  const origin = await Origin.listen(SERVICES)
  const local = { WEFT_LOCAL_ORIGINS: SERVICES.map((name) => origin.urlOf(name)).join(",") }
  const log: string[] = []
  const mesh = await startLocalMesh({
    proxyConfig: await project(folder, "weft", proxyConfig(faulty)),
    controlConfig: join(ROOT, "workers/control/wrangler.toml"),
    projects: [
      await project(folder, "upstream", { main: join(ROOT, "attacks/workers/upstream.ts") }),
      ...(faulty ? [await project(folder, "faults", FAULTS)] : []),
    ],
    ingressPort: 0,
    controlPort: 0,
    adminToken: ADMIN_TOKEN,
    vars: {
      weft: { WEFT_LEASE_MS: String(LEASE_MS), WEFT_ACCESS_LOG: "on", ...local },
      "weft-control": { ...local, WEFT_ADMIN_HOSTS: "admin.test, app.test, localhost, 127.0.0.1" },
    },
    onLog: ({ worker, message }) => {
      if (worker === "weft") log.push(message)
    },
  })
  const ingressPort = portOf(mesh.ingressUrl)
  let helped = 0
  return {
    ingressPort,
    controlPort: portOf(mesh.controlUrl),
    controlUrl: mesh.controlUrl,
    origin,
    log,
    async apply(document) {
      const documents = [{ source: "attack", content: document }]
      const { revision } = await apply(mesh.controlUrl, ADMIN_TOKEN, { documents, prune: true })
      await converged(mesh, ingressPort, revision)
    },
    async makeApiKey() {
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" }
      const body = JSON.stringify({ id: "partner", owner: "A partner", scopes: ["orders:read"] })
      const response = await fetch(`${mesh.controlUrl}/v1/keys`, { method: "POST", headers, body })
      const made = (await response.json()) as { readonly key?: string }
      if (made.key === undefined) throw new Error(`no API key: ${JSON.stringify(made)}`)
      return made.key
    },
    async settled() {
      const { head } = await statusOf(mesh)
      if (head) await converged(mesh, ingressPort, head.revision)
    },
    async play(script) {
      origin.script = script
      await ask(mesh, script)
    },
    async drain() {
      const arrivals = [...(await ask(mesh)), ...origin.drain()]
      const forTheCase = arrivals.filter(({ service }) => !HELPERS.includes(service))
      helped = arrivals.length - forTheCase.length
      return forTheCase
    },
    helped: () => helped,
    async fail(mode) {
      await mesh.dispatchTo("faults", new Request("http://faults/", { method: "POST", body: JSON.stringify(mode) }))
    },
    async asked() {
      return (await (await mesh.dispatchTo("faults", new Request("http://faults/"))).json()) as number
    },
    async stop() {
      await mesh.stop()
      await origin.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export function bindingOf(service: ServiceName): string {
  return `AT_${service.toUpperCase()}`
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

/** A policy may keep everybody out: isolates tell control by themselves what they serve, once requests wake them. */
async function converged(mesh: LocalMesh, ingressPort: number, revision: number): Promise<void> {
  const request = { method: "GET", rawPath: "/", headers: [["Host", "nobody.attacks"]], body: null } as const
  const untilMs = performance.now() + CONVERGENCE_MS
  for (;;) {
    await send(ingressPort, bytesOf(request))
    const { isolates } = await statusOf(mesh)
    if (isolates.length > 0 && isolates.every(({ serving }) => serving >= revision)) return
    const refused = isolates.find((isolate) => isolate.refused?.revision === revision)?.refused
    if (refused) throw new Error(`the proxy refuses what was applied: ${refused.reason}`)
    if (performance.now() > untilMs) throw new Error("the proxy does not serve what was applied")
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS / 2))
  }
}

async function statusOf(mesh: LocalMesh): Promise<Status> {
  const response = await fetch(`${mesh.controlUrl}/v1/status`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })
  return (await response.json()) as Status
}

async function ask(mesh: LocalMesh, script?: Script): Promise<Arrival[]> {
  const init = script && { method: "POST", body: JSON.stringify(script) }
  const response = await mesh.dispatchTo("upstream", new Request("http://upstream/", init))
  return (await response.json()) as Arrival[]
}

async function project(folder: string, name: string, config: object): Promise<string> {
  await mkdir(join(folder, name))
  const path = join(folder, name, "wrangler.json")
  await writeFile(path, JSON.stringify({ name, compatibility_date: "2026-10-20", ...config }))
  return path
}

const FAULTS = {
  main: join(ROOT, "attacks/workers/faults.ts"),
  durable_objects: { bindings: [{ name: "FAULTY", class_name: "FaultyObject" }] },
  migrations: [{ tag: "v1", new_sqlite_classes: ["FaultyObject"] }],
}

/** The proxy's own config, with the runner's upstreams in the place of services. */
function proxyConfig(faulty: boolean): object {
  const own = readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true })
  return {
    main: join(ROOT, "workers/proxy/index.ts"),
    compatibility_flags: own.compatibility_flags,
    durable_objects: {
      bindings: own.durable_objects.bindings.map((binding: { readonly name: string }) =>
        faulty && binding.name === "LIMITER"
          ? { ...binding, class_name: "FaultyObject", script_name: "faults" }
          : binding,
      ),
    },
    services: SERVICES.map((service) => {
      return { binding: bindingOf(service), service: "upstream", entrypoint: "Upstream", props: { service } }
    }),
  }
}
