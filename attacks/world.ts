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
import { Origin } from "./origin.ts"
import type { Arrival, Script } from "./upstream.ts"
import { answerOf, bytesOf, send } from "./wire.ts"

/** Every service that a stage may speak of has an upstream by this name. */
export const SERVICES = ["upstream", "a", "b", "shadow", "hook", "keys"] as const
export type ServiceName = (typeof SERVICES)[number]

export const ADMIN_TOKEN = "weft_token_of_the_attack_runner_0123456789"

const ROOT = resolve(import.meta.dirname, "..")
/** Isolates ask for news this often, so that a case need not wait for the usual lease. */
const LEASE_MS = 20
const CONVERGENCE_MS = 10_000
const PROBE_HOST = "revision.attacks"

export interface World {
  readonly ingressPort: number
  readonly controlPort: number
  readonly controlUrl: string
  readonly origin: Origin
  /** What the proxy has logged so far, a line each. */
  readonly log: readonly string[]
  /** Makes the mesh hold this and nothing else, and waits until the proxy serves it. Throws with what control said when it refuses. */
  apply(document: MeshDocument): Promise<void>
  /** How all upstreams answer from now on. */
  play(script: Script): Promise<void>
  /** What arrived at upstreams since it was last asked for. */
  drain(): Promise<Arrival[]>
  stop(): Promise<void>
}

export async function startWorld(vars: Readonly<Record<string, string>> = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "weft-attacks-"))
  const origin = await Origin.listen(SERVICES)
  const local = { WEFT_LOCAL_ORIGINS: SERVICES.map((name) => origin.urlOf(name)).join(",") }
  const log: string[] = []
  const mesh = await startLocalMesh({
    proxyConfig: await project(folder, "weft", proxyConfig()),
    controlConfig: join(ROOT, "workers/control/wrangler.toml"),
    projects: [await project(folder, "upstream", { main: join(ROOT, "attacks/workers/upstream.ts") })],
    ingressPort: 0,
    controlPort: 0,
    adminToken: ADMIN_TOKEN,
    vars: {
      weft: { WEFT_LEASE_MS: String(LEASE_MS), WEFT_ACCESS_LOG: "on", ...local, ...vars },
      "weft-control": local,
    },
    onLog: ({ worker, message }) => {
      if (worker === "weft") log.push(message)
    },
  })
  const ingressPort = portOf(mesh.ingressUrl)
  let nonce = 0
  return {
    ingressPort,
    controlPort: portOf(mesh.controlUrl),
    controlUrl: mesh.controlUrl,
    origin,
    log,
    async apply(document) {
      nonce += 1
      const content = { ...document, routes: { ...document.routes, "attack-probe": probe(nonce) } }
      await apply(mesh.controlUrl, ADMIN_TOKEN, { documents: [{ source: "attack", content }], prune: true })
      await converged(ingressPort, nonce)
    },
    async play(script) {
      origin.script = script
      await ask(mesh, script)
    },
    async drain() {
      return [...(await ask(mesh)), ...origin.drain()]
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

/** A route that says which of the runner's documents the proxy serves. */
function probe(nonce: number): NonNullable<MeshDocument["routes"]>[string] {
  return { hosts: [PROBE_HOST], rules: [{ filters: [{ respond: { status: 200, body: String(nonce) } }] }] }
}

async function converged(port: number, nonce: number): Promise<void> {
  const request = { method: "GET", rawPath: "/", headers: [["Host", PROBE_HOST]], body: null } as const
  const untilMs = performance.now() + CONVERGENCE_MS
  while (answerOf(await send(port, bytesOf(request))).body !== String(nonce)) {
    if (performance.now() > untilMs) throw new Error("the proxy does not serve what was applied")
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS / 2))
  }
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

/** The proxy's own config, with the runner's upstreams in the place of services. */
function proxyConfig(): object {
  const own = readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true })
  return {
    main: join(ROOT, "workers/proxy/index.ts"),
    compatibility_flags: own.compatibility_flags,
    durable_objects: own.durable_objects,
    services: SERVICES.map((service) => {
      return { binding: bindingOf(service), service: "upstream", entrypoint: "Upstream", props: { service } }
    }),
  }
}
