/**
 * A control of few lines for tests of the CLI: the API of shared/protocol/control-api.ts over a real socket, the mesh in
 * memory, no compiler. What it is asked is kept; what it answers can be replaced.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Hono } from "hono"
import { compile } from "#shared/config/compile.ts"
import { SECTIONS } from "#shared/config/parse.ts"
import { explain } from "#shared/exchange/explain.ts"
import type { Resource } from "#shared/model/document.ts"
import type { Problem } from "#shared/model/problem.ts"
import { convergence, type Witness } from "#shared/propagation/convergence.ts"
import type { AlertList } from "#shared/protocol/alerts.ts"
import type { ApiKeyInfo, NewApiKey } from "#shared/protocol/api-keys.ts"
import type { AuditEntry } from "#shared/protocol/audit.ts"
import { clusterOf } from "#shared/protocol/breaker.ts"
import type {
  ApplyRequest,
  Change,
  ForceBreaker,
  NewToken,
  RollbackRequest,
  Stats,
  Status,
  TokenInfo,
} from "#shared/protocol/control-api.ts"
import { ROOT } from "#shared/protocol/convergence.ts"
import type { DescribedRequest, Explained, ExplainRequest } from "#shared/protocol/explain.ts"
import type { IsolateStatus, RevisionSummary } from "#shared/protocol/route-table.ts"
import type { Vitals } from "#shared/protocol/vitals.ts"
import { VERSION } from "#shared/std/version.ts"

export const TOKEN = "fake-control-admin-token"
const NOW_MS = Date.UTC(2026, 10, 23, 12)

interface Revision extends RevisionSummary {
  readonly resources: readonly Resource[]
}

export interface FakeControl {
  readonly url: string
  readonly requests: { method: string; path: string; headers: Headers; body: unknown }[]
  revisions: Revision[]
  isolates: IsolateStatus[]
  /** Relays beside the root, which has `isolates`. */
  relays: Witness[]
  /** By control's clock. */
  nowMs: number
  unbound: Status["unbound"]
  breakers: Status["breakers"]
  vitals: Vitals
  alerts: AlertList
  health: Status["health"]
  tokens: TokenInfo[]
  keys: ApiKeyInfo[]
  /** What the mesh counted, whatever is asked of it. */
  stats: (query: Readonly<Record<string, string>>) => Omit<Stats, "by">
  audit: AuditEntry[]
  /** What the compiler would say of the next documents. */
  problems: (request: ApplyRequest) => readonly Problem[]
  /** Answers instead of the mesh, when it returns something; `"drop"` cuts the connection after the work is done. */
  intercept: (request: Request) => Response | "drop" | undefined
  stop(): Promise<void>
}

const VITALS: Vitals = {
  version: VERSION,
  nowMs: NOW_MS,
  objects: [
    { name: "route table", tookMs: 2 },
    { name: "telemetry weur", tookMs: 7 },
  ],
  telemetry: [],
  signingKeys: [],
  expiring: [],
}

export async function startFakeControl(): Promise<FakeControl> {
  const control: FakeControl = {
    url: "",
    requests: [],
    revisions: [],
    isolates: [],
    relays: [],
    nowMs: NOW_MS,
    unbound: [],
    breakers: [],
    vitals: VITALS,
    alerts: { slos: [], silences: [], receivers: [], missing: [] },
    health: [],
    tokens: [{ name: "root", role: "admin", createdAtMs: NOW_MS - 3 * 86_400_000 }],
    keys: [],
    stats: () => ({ spanMs: 60_000, rows: [], missing: [] }),
    audit: [],
    problems: () => [],
    intercept: () => undefined,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
  const app = api(control)
  const server = createServer((request, response) => void serve(app, control, request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return Object.assign(control, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

/** The time at which the fake's revisions are made. */
export const fakeNowMs = NOW_MS

function api(control: FakeControl): Hono {
  const app = new Hono()
  const head = () => control.revisions.at(-1)
  app.get("/v1/status", (c) => c.json(statusOf(control)))
  app.get("/v1/revisions", (c) => {
    const newest = [...control.revisions].reverse().slice(0, Number(c.req.query("limit") ?? 20))
    return c.json({ revisions: newest.map(({ resources: _, ...summary }) => summary) })
  })
  app.get("/v1/revisions/:revision/convergence", (c) => {
    const found = control.revisions.find(({ revision }) => revision === Number(c.req.param("revision")))
    if (!found) return details(404, "There is no such revision.")
    const status = { name: ROOT, acknowledged: head()!.revision, acknowledgedAtMs: NOW_MS, failures: 0 }
    const told = { revision: head()!.revision, digest: "", sinceMs: head()!.atMs, floorsMissed: 0 }
    const root = { status, view: { ...told, atMs: control.nowMs, isolates: control.isolates } }
    return c.json(convergence(found, [...control.relays, root]))
  })
  app.get("/v1/diff", (c) => {
    const [from, to] = [Number(c.req.query("from")), Number(c.req.query("to"))]
    return c.json({ head: from, changes: changesBetween(at(control, from), at(control, to)) })
  })
  app.get("/v1/resources", (c) => {
    const { kind, namespace, name, revision } = c.req.query()
    const resources = at(control, revision === undefined ? (head()?.revision ?? 0) : Number(revision)).filter(
      (one) => [kind ?? one.kind, namespace ?? one.namespace, name ?? one.name].join() === key(one),
    )
    return c.json({ revision: Number(revision ?? head()?.revision ?? 0), resources })
  })
  app.post("/v1/plan", async (c) => {
    const request = await c.req.json<ApplyRequest>()
    const problems = control.problems(request)
    if (problems.length > 0) return invalid(problems)
    return c.json({ head: head()?.revision ?? 0, changes: changesBetween(at(control), merged(control, request)) })
  })
  app.post("/v1/apply", async (c) => {
    const request = await c.req.json<ApplyRequest>()
    const problems = control.problems(request)
    if (problems.length > 0) return invalid(problems)
    return c.json(commit(control, c.req.raw, merged(control, request), { message: request.message ?? "" }))
  })
  app.post("/v1/rollback", async (c) => {
    const { to: wanted, message } = await c.req.json<RollbackRequest>()
    const to = wanted === "previous" ? (head()?.rollbackOf ?? head()?.revision ?? 0) - 1 : wanted
    if (to < 1) return details(404, `There is no revision before ${head()?.revision} to go back to.`)
    if (!control.revisions.some(({ revision }) => revision === to)) return details(404, `There is no revision ${to}.`)
    const expected = c.req.header("if-match")
    if (expected !== undefined && expected !== `"${head()?.revision}"`) return details(412, "The head has moved on.")
    const applied = commit(control, c.req.raw, at(control, to), { message: message ?? "", rollbackOf: to })
    return c.json({ ...applied, rollbackOf: to })
  })
  app.delete("/v1/resources/:kind/:namespace/:name", (c) => {
    const gone = [c.req.param("kind"), c.req.param("namespace"), c.req.param("name")].join()
    const rest = at(control).filter((one) => key(one) !== gone)
    if (rest.length === at(control).length) return details(404, `There is no ${gone.replaceAll(",", " ")}.`)
    return c.json(commit(control, c.req.raw, rest, { message: "" }))
  })
  app.post("/v1/explain", async (c) => {
    const { request, revision } = await c.req.json<ExplainRequest>()
    return c.json(explainedBy(at(control, revision), revision ?? head()?.revision ?? 0, request))
  })
  app.get("/v1/stats", (c) => c.json({ by: c.req.query("by"), ...control.stats(c.req.query()) }))
  app.get("/v1/vitals", (c) => c.json(control.vitals))
  app.get("/v1/alerts", (c) => c.json(control.alerts))
  app.get("/v1/breakers", (c) => c.json({ breakers: control.breakers }))
  app.post("/v1/breakers", async (c) => {
    const { namespace, service, subset, phase, forSeconds } = await c.req.json<ForceBreaker>()
    const cluster = clusterOf({ service: `${namespace}/${service}`, ...(subset !== undefined && { subset }) })
    const untilMs = NOW_MS + forSeconds * 1000
    const restMs = phase === "open" ? forSeconds * 1000 : 0
    return c.json({ cluster, generation: 2, phase, restMs, sinceMs: NOW_MS, forced: { by: "root", phase, untilMs } })
  })
  app.get("/v1/audit", (c) => c.json({ entries: control.audit }))
  app.get("/v1/tokens", (c) => c.json({ tokens: control.tokens }))
  app.post("/v1/tokens", async (c) => {
    const { name, role, namespaces, expiresInSeconds = 90 * 86_400 } = await c.req.json<NewToken>()
    if (control.tokens.some((token) => token.name === name)) return details(409, `There is a token ${name} already.`)
    const expiry = expiresInSeconds === "never" ? {} : { expiresAtMs: NOW_MS + expiresInSeconds * 1000 }
    const info: TokenInfo = { name, role, ...(namespaces && { namespaces }), createdAtMs: NOW_MS, ...expiry }
    control.tokens.push(info)
    return c.json({ ...info, token: `secret-of-${name}` }, 201)
  })
  app.delete("/v1/tokens/:name", (c) => {
    const rest = control.tokens.filter(({ name }) => name !== c.req.param("name"))
    if (rest.length === control.tokens.length) return details(404, `There is no token ${c.req.param("name")}.`)
    control.tokens = rest
    return c.body(null, 204)
  })
  app.get("/v1/keys", (c) => c.json({ keys: control.keys }))
  app.post("/v1/keys", async (c) => {
    const { id, owner, scopes = [], expiresInSeconds = 86_400 } = (await c.req.json()) as NewApiKey
    if (control.keys.some((key) => key.id === id)) return details(409, `There is a key ${id} already.`)
    const expiry = expiresInSeconds === "never" ? {} : { expiresAtMs: NOW_MS + expiresInSeconds * 1000 }
    const info: ApiKeyInfo = { id, owner, scopes, createdAtMs: NOW_MS, createdBy: "root", ...expiry }
    control.keys.push(info)
    return c.json({ ...info, key: `key-of-${id}` }, 201)
  })
  app.delete("/v1/keys/:id", (c) => {
    const rest = control.keys.filter(({ id }) => id !== c.req.param("id"))
    if (rest.length === control.keys.length) return details(404, `There is no key ${c.req.param("id")}.`)
    control.keys = rest
    return c.body(null, 204)
  })
  return app
}

/** The one endpoint for which the fake needs the real compiler: what it tells is all that there is to see. */
function explainedBy(resources: readonly Resource[], revision: number, request: DescribedRequest): Explained {
  const compiled = compile(resources, { documents: [], prune: false, revision })
  if ("problems" in compiled) throw new Error("the fake's mesh has problems")
  return explain({ revision, snapshot: compiled.snapshot }, request)
}

/** The next revision, or the one that this request's key made before. */
function commit(
  control: FakeControl,
  request: Request,
  resources: readonly Resource[],
  about: { message: string; rollbackOf?: number },
) {
  const before = at(control)
  const digest = request.headers.get("idempotency-key") ?? ""
  const head = control.revisions.at(-1)?.revision ?? 0
  const earlier = control.revisions.find((revision) => revision.digest === digest)
  const changes = changesBetween(before, resources)
  if (earlier || changes.length === 0)
    return {
      head,
      changes: earlier ? changesBetween(at(control, earlier.revision - 1), earlier.resources) : [],
      revision: earlier?.revision ?? head,
      digest,
    }
  const of = (action: Change["action"]) => changes.filter((change) => change.action === action).length
  const counts = { added: of("add"), changed: of("change"), removed: of("remove") }
  const atMs = NOW_MS + head * 1000
  control.revisions.push({ revision: head + 1, digest, author: "root", atMs, ...about, ...counts, resources })
  return { head, changes, revision: head + 1, digest }
}

function at(control: FakeControl, revision = control.revisions.at(-1)?.revision ?? 0): readonly Resource[] {
  return control.revisions.find((one) => one.revision === revision)?.resources ?? []
}

function merged(control: FakeControl, request: ApplyRequest): Resource[] {
  const head = control.revisions.at(-1)?.revision ?? 0
  const written = request.documents.flatMap(({ content }) => resourcesOf(content as Record<string, unknown>, head + 1))
  const kept = request.prune ? [] : at(control).filter((old) => !written.some((one) => key(one) === key(old)))
  const since = (one: Resource) => at(control).find((old) => key(old) === key(one))?.since ?? one.since
  return [...kept, ...written.map((one) => ({ ...one, since: since(one) }))].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function resourcesOf(content: Record<string, unknown>, since: number): Resource[] {
  const namespace = String(content.namespace ?? "default")
  return Object.entries(SECTIONS).flatMap(([section, kind]) =>
    Object.entries(content[section] ?? {}).map(([name, spec]) => ({ kind, namespace, name, spec, since })),
  )
}

function changesBetween(before: readonly Resource[], after: readonly Resource[]): Change[] {
  const keys = [...new Set([...before, ...after].map(key))].sort()
  return keys.flatMap((one): Change[] => {
    const old = before.find((resource) => key(resource) === one)
    const now = after.find((resource) => key(resource) === one)
    const { kind, namespace, name } = (now ?? old)!
    if (!old) return [{ action: "add", kind, namespace, name, after: now!.spec }]
    if (!now) return [{ action: "remove", kind, namespace, name, before: old.spec }]
    if (JSON.stringify(old.spec) === JSON.stringify(now.spec)) return []
    return [{ action: "change", kind, namespace, name, before: old.spec, after: now.spec }]
  })
}

function statusOf(control: FakeControl): Omit<Status, "head"> & { head: RevisionSummary | undefined } {
  const { resources: _, ...head } = control.revisions.at(-1) ?? { resources: [] }
  const count = (kind: string) => at(control).filter((one) => one.kind === kind).length
  const { isolates, unbound, breakers, health } = control
  const relays = control.relays.map(({ status, view }) => ({
    ...{ name: status.name, revision: view?.revision ?? status.acknowledged, failures: status.failures },
    ...(view ? {} : { silent: true as const }),
  }))
  return {
    head: "revision" in head ? head : undefined,
    services: count("Service"),
    routes: count("Route"),
    isolates,
    relays,
    floorsMissed: 0,
    unbound,
    breakers,
    health,
  }
}

function key({ kind, namespace, name }: Pick<Resource, "kind" | "namespace" | "name">): string {
  return [kind, namespace, name].join()
}

export function details(status: number, detail: string, extras: object = {}): Response {
  return new Response(JSON.stringify({ type: "about:blank", title: "No", status, detail, ...extras }), {
    status,
    headers: { "content-type": "application/problem+json" },
  })
}

function invalid(problems: readonly Problem[]): Response {
  return details(422, "The documents have problems.", { problems })
}

async function serve(app: Hono, control: FakeControl, incoming: IncomingMessage, outgoing: ServerResponse) {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  const method = incoming.method!
  const headers = new Headers(incoming.headers as Record<string, string>)
  control.requests.push({ method, path: incoming.url!, headers, body: text === "" ? undefined : JSON.parse(text) })
  const request = new Request(`http://control.test${incoming.url}`, {
    method,
    headers,
    ...(text ? { body: text } : {}),
  })
  const intercepted = control.intercept(request)
  const authorized = headers.get("authorization") === `Bearer ${TOKEN}`
  const answered =
    intercepted instanceof Response
      ? intercepted
      : authorized
        ? await app.fetch(request)
        : details(401, "Send a token.")
  if (intercepted === "drop") return void outgoing.destroy()
  outgoing.writeHead(answered.status, Object.fromEntries(answered.headers))
  outgoing.end(Buffer.from(await answered.arrayBuffer()))
}
