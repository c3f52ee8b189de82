/**
 * Many proxies in one workerd, each an isolate of its own, before one control Worker with all its objects: the mesh's real Workers, and
 * services of the story's.
 */
import { readFileSync } from "node:fs"
import { build } from "esbuild"
import { convertV4MiniflareOptions, Miniflare, NoOpLog, type V4WorkerOptions } from "miniflare"
import type { MeshDocument } from "#shared/model/document.ts"
import type { GuardRequest } from "#shared/model/rollout.ts"
import type { Applied, Status } from "#shared/protocol/control-api.ts"
import type { RevisionConvergence } from "#shared/protocol/convergence.ts"

export const TOKEN = "weft_token_of_the_fleet"

export interface FleetOptions {
  /** By name: the proxies, with variables of theirs. */
  readonly proxies: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** By name: where its source is, and which sidecars it calls by. Proxies bind each as its name in capitals. */
  readonly services: Readonly<Record<string, ServiceOptions>>
  /** Where control's source is, when it is not control itself. */
  readonly control?: string
}

export interface ServiceOptions {
  readonly entry: string
  /** By binding: through which proxy it calls which service. */
  readonly calls?: Readonly<Record<string, { readonly proxy: string; readonly to: string }>>
}

export interface Fleet {
  /** A request to a proxy's public entrance, which arrives at this data centre of the platform's. */
  request(proxy: string, path: string, headers?: Readonly<Record<string, string>>, colo?: string): Promise<Response>
  /** A request past the mesh. */
  past(worker: string, path: string, body?: unknown): Promise<Response>
  api<T>(path: string, body?: unknown): Promise<T>
  apply(document: MeshDocument, guard?: GuardRequest): Promise<Applied>
  status(): Promise<Status>
  convergence(revision: number): Promise<RevisionConvergence>
  stop(): Promise<void>
}

/** One data centre in each region. */
export const COLOS = ["SJC", "IAD", "GRU", "AMS", "WAW", "BOM", "NRT", "SIN", "SYD", "JNB", "DXB"]

/** By binding: the class, as control's own config has it. */
const OBJECTS = new Map(
  [
    ...readFileSync("workers/control/wrangler.toml", "utf8").matchAll(/^name = "([A-Z_]+)"\nclass_name = "(\w+)"/gm),
  ].map(([, binding, className]) => [binding!, className!] as const),
)
const OF_PROXIES = ["ROUTE_TABLE", "RELAY", "BREAKER", "LIMITER", "TELEMETRY"]
const COMPATIBILITY = { compatibilityDate: "2026-10-20", compatibilityFlags: ["enable_request_signal"] }

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const workers = await workersOf(options)
  const quiet = { cf: false, telemetry: { enabled: false }, log: new NoOpLog(), handleStructuredLogs() {} }
  const miniflare = new Miniflare(convertV4MiniflareOptions({ ...quiet, workers } as never))
  await miniflare.ready
  const fetchers = new Map(
    await Promise.all(workers.map(async ({ name }) => [name!, await miniflare.getWorker(name!)] as const)),
  )
  const past = async (worker: string, path: string, init: object = {}) =>
    (await fetchers.get(worker)!.fetch(`http://fleet.test${path}`, init as never)) as unknown as Response
  const api = async <T>(path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" }
    const init = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) }
    const response = await past("control", path, init)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
  return {
    request: (proxy, path, headers = {}, colo) => past(proxy, path, { headers, ...(colo && { cf: { colo } }) }),
    past: (worker, path, body) =>
      past(worker, path, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    api,
    apply: (document, guard) =>
      api<Applied>("/v1/apply", { documents: [{ source: "fleet", content: document }], ...(guard && { guard }) }),
    status: () => api<Status>("/v1/status"),
    convergence: (revision) => api<RevisionConvergence>(`/v1/revisions/${revision}/convergence`),
    stop: () => miniflare.dispose(),
  }
}

async function workersOf({ proxies, services, control }: FleetOptions): Promise<V4WorkerOptions[]> {
  const [proxy, controlScript, ...scripts] = await Promise.all(
    [
      "workers/proxy/index.ts",
      control ?? "workers/control/index.ts",
      ...Object.values(services).map(({ entry }) => entry),
    ].map(bundle),
  )
  const objects = (names: readonly string[], scriptName?: string) =>
    Object.fromEntries(
      names.map((name) => [
        name,
        { className: OBJECTS.get(name)!, useSQLite: true, ...(scriptName && { scriptName }) },
      ]),
    )
  const kvNamespaces = { WEFT_KV: "fleet" }
  const bound = Object.fromEntries(Object.keys(services).map((name) => [name.toUpperCase(), name]))
  return [
    {
      ...{ ...COMPATIBILITY, name: "control", modules: true, script: controlScript!, kvNamespaces },
      ...{ durableObjects: objects([...OBJECTS.keys()]), bindings: { WEFT_ADMIN_TOKEN: TOKEN } },
    },
    ...Object.entries(proxies).map(
      ([name, vars]): V4WorkerOptions => ({
        ...{
          ...COMPATIBILITY,
          name,
          modules: true,
          script: proxy!,
          kvNamespaces,
          bindings: { WEFT_DEBUG: "on", ...vars },
        },
        ...{ durableObjects: objects(OF_PROXIES, "control"), serviceBindings: bound },
      }),
    ),
    ...Object.entries(services).map(
      ([name, { calls = {} }], index): V4WorkerOptions => ({
        ...{ ...COMPATIBILITY, name, modules: true, script: scripts[index]! },
        serviceBindings: Object.fromEntries(
          Object.entries(calls).map(([binding, call]) => [
            binding,
            { name: call.proxy, entrypoint: "Sidecar", props: { from: name, to: call.to } },
          ]),
        ),
      }),
    ),
  ]
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, format: "esm", target: "es2024", write: false },
    ...{ external: ["cloudflare:workers"], conditions: ["workerd", "worker", "browser"] },
  })
  return outputFiles[0]!.text
}
