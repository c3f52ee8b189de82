/**
 * A mesh of processes: the control Worker in one, and each isolate of the proxy in one of its own, so that any of them can be killed as
 * the system kills. Plain workerd; objects of the control process are reached over native RPC between processes.
 */

import { readFileSync } from "node:fs"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"
import type { MeshDocument } from "#shared/model/document.ts"
import { type KeyValue, startKeyValue } from "./key-value.ts"
import { Link } from "./link.ts"
import { ANY_PORT, serve, type Workerd } from "./workerd.ts"

export const TOKEN = "weft_token_of_the_metered_mesh"

export interface Processes {
  /** Without a slash at the end; another one after each start. */
  readonly controlUrl: string
  readonly proxyUrls: readonly string[]
  /** Between proxies and objects. */
  readonly link: Link
  /** The namespace that both have, where there are relays. */
  readonly lastKnown: KeyValue | undefined
  killProxy(index: number): Promise<void>
  startProxy(index: number): Promise<void>
  killControl(): Promise<void>
  startControl(): Promise<void>
  stop(): Promise<void>
}

export interface ProcessesOptions {
  /** The folder of the objects' state, when it is not one of this mesh's own. */
  readonly state?: string
  /** Relays are there as well, and a KV namespace for the last known good snapshot. */
  readonly relays?: true
}

/** How to reach what stands outside of a proxy's or control's own process. */
interface Outside {
  readonly objectsPort: number
  readonly keyValuePort: number | undefined
}

export async function startProcesses(
  proxies: number,
  document: MeshDocument,
  options: ProcessesOptions = {},
): Promise<Processes> {
  const folder = await mkdtemp(join(tmpdir(), "weft-metered-"))
  const state = options.state ?? join(folder, "state")
  await mkdir(state, { recursive: true })
  // Each process listens where there is room, anew each time; the way to the objects is the link's, and stays.
  const link = await Link.to(0)
  const lastKnown = options.relays ? await startKeyValue() : undefined
  const outside: Outside = { objectsPort: link.port, keyValuePort: lastKnown?.port }
  await bundle(folder)
  const running = new Map<string, Workerd>()
  const start = async (name: string, config: string, sockets: readonly string[]) => {
    const path = join(folder, `${name}.capnp`)
    await writeFile(path, config)
    running.set(name, await serve(path, { sockets: Object.fromEntries(sockets.map((socket) => [socket, ANY_PORT])) }))
  }
  const kill = async (name: string) => {
    const process = running.get(name)!
    running.delete(name)
    await process.kill()
  }
  const urls = new Map<string, string>()
  const startControl = async () => {
    await start("control", controlConfig(state, outside), ["api", "objects"])
    const { api, objects } = running.get("control")!.urls
    urls.set("control", api!)
    link.aim(Number(new URL(objects!).port))
  }
  const startProxy = async (index: number) => {
    await start(`proxy-${index}`, proxyConfig(outside), ["http"])
    urls.set(`proxy-${index}`, running.get(`proxy-${index}`)!.urls.http!)
  }
  await startControl()
  const applied = await applyTo(urls.get("control")!, document)
  if (!applied.ok) throw new Error(await applied.text())
  const indexes = Array.from({ length: proxies }, (_, index) => index)
  await Promise.all(indexes.map(startProxy))
  return {
    get controlUrl() {
      return urls.get("control")!
    },
    get proxyUrls() {
      return indexes.map((index) => urls.get(`proxy-${index}`)!)
    },
    killProxy: (index) => kill(`proxy-${index}`),
    killControl: () => kill("control"),
    ...{ startControl, startProxy, link, lastKnown },
    async stop() {
      link.stop()
      lastKnown?.stop()
      await Promise.all([...running.keys()].map(kill))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export function applyTo(
  controlUrl: string,
  content: MeshDocument,
  { key, message }: { readonly key?: string; readonly message?: string } = {},
): Promise<Response> {
  const headers = {
    ...{ authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    ...(key !== undefined && { "idempotency-key": key }),
  }
  const body = JSON.stringify({ documents: [{ source: "bench", content }], ...(message !== undefined && { message }) })
  return fetch(`${controlUrl}/v1/apply`, { method: "POST", headers, body })
}

async function bundle(folder: string): Promise<void> {
  await build({
    entryPoints: {
      proxy: "workers/proxy/index.ts",
      control: "bench/workers/metered.ts",
      bridge: "bench/workers/bridge.ts",
      upstream: "bench/workers/upstream.ts",
    },
    ...{ outdir: folder, bundle: true, format: "esm", target: "es2024", external: ["cloudflare:workers"] },
  })
}

/** As control's own config has them: a class more there is one more here. */
const OBJECTS = [
  ...readFileSync("workers/control/wrangler.toml", "utf8").matchAll(/^name = "(\w+)"\nclass_name = "(\w+)"$/gm),
].map(([, binding = "", className = ""]) => ({ binding, className }))
const worker = (name: string, rest: string) =>
  `(modules = [(name = "main", esModule = embed "${name}.js")], compatibilityDate = "2026-10-20", ${rest})`

function controlConfig(state: string, { keyValuePort }: Outside): string {
  const bound = OBJECTS.map(
    ({ binding, className }) => `(name = "${binding}", durableObjectNamespace = "${className}")`,
  )
  const bindings = [`(name = "WEFT_ADMIN_TOKEN", text = "${TOKEN}")`, ...bound, ...keyValueBinding(keyValuePort)]
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "control", worker = .control), (name = "disk", disk = (path = "${state}", writable = true)),
    ${keyValueService(keyValuePort)}
  ],
  sockets = [
    (name = "api", address = "${ANY_PORT}", service = "control"),
    (name = "objects", address = "${ANY_PORT}", service = (name = "control", entrypoint = "Objects"), http = (capnpConnectHost = "weft")),
  ],
);
const control :Workerd.Worker = ${worker(
    "control",
    `durableObjectNamespaces = [${OBJECTS.map(({ className }) => `(className = "${className}", uniqueKey = "${className}", enableSql = true)`).join(", ")}],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [${bindings.join(", ")}]`,
  )};
`
}

const ALWAYS_BRIDGED = [
  { binding: "ROUTE_TABLE", className: "RouteTableBridge" },
  { binding: "TELEMETRY", className: "TelemetryBridge" },
]
const WITH_RELAYS = [
  { binding: "RELAY", className: "RelayBridge" },
  { binding: "BREAKER", className: "BreakerBridge" },
  { binding: "LIMITER", className: "LimiterBridge" },
]

function proxyConfig({ objectsPort, keyValuePort }: Outside): string {
  const bridged = keyValuePort === undefined ? ALWAYS_BRIDGED : [...ALWAYS_BRIDGED, ...WITH_RELAYS]
  const bound = bridged.map(
    ({ binding, className }) =>
      `(name = "${binding}", durableObjectNamespace = (className = "${className}", serviceName = "bridge"))`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "proxy", worker = .proxy), (name = "upstream", worker = .upstream), (name = "bridge", worker = .bridge),
    (name = "objects", external = (address = "127.0.0.1:${objectsPort}", http = (capnpConnectHost = "weft"))),
    ${keyValueService(keyValuePort)}
  ],
  sockets = [(name = "http", address = "${ANY_PORT}", service = "proxy")],
);
const upstream :Workerd.Worker = ${worker("upstream", "")};
const proxy :Workerd.Worker = ${worker(
    "proxy",
    `bindings = [${[`(name = "UPSTREAM", service = "upstream")`, ...bound, ...keyValueBinding(keyValuePort)].join(", ")}]`,
  )};
const bridge :Workerd.Worker = ${worker(
    "bridge",
    `durableObjectNamespaces = [${bridged.map(({ className }) => `(className = "${className}", uniqueKey = "${className}")`).join(", ")}],
  durableObjectStorage = (inMemory = void), bindings = [(name = "OBJECTS", service = "objects")]`,
  )};
`
}

function keyValueService(port: number | undefined): string {
  return port === undefined ? "" : `(name = "kv", external = (address = "127.0.0.1:${port}", http = ()))`
}

function keyValueBinding(port: number | undefined): string[] {
  return port === undefined ? [] : [`(name = "WEFT_KV", kvNamespace = "kv")`]
}
