/**
 * Policies that keep people away from `/admin`, in all the ways that one can write them, and what becomes of a request under each: by
 * the code that the proxy runs, from the raw URL to the address that is sent on.
 */
import { compile } from "#shared/config/compile.ts"
import { targetOf } from "#shared/exchange/address.ts"
import { admit } from "#shared/exchange/admit.ts"
import { AccessTable, type Guards } from "#shared/identity/access.ts"
import type { PolicyRuleDocument } from "#shared/model/access-document.ts"
import { DEFAULT_GATEWAY } from "#shared/model/names.ts"
import { ENCODED_SLASH } from "#shared/std/path.ts"
import { isBelow, READINGS } from "./readings.ts"
import { TOLD_OF, type Way } from "./ways.ts"

export const GUARDED = "admin"
export const OPEN = "public"
export const GUARDED_HOST = "admin.test"
const OPEN_HOST = "app.test"
const SUFFIX = ".json"

interface Guarded {
  readonly name: string
  readonly guards: Guards
  /** What a server must not read of what it is sent. */
  readonly isBreach: (host: string, path: string) => boolean
}

const isAdmin = (_: string, path: string) => isBelow(path, `/${GUARDED}`)
const isElsewhere = (_: string, path: string) => !isBelow(path, `/${OPEN}`)
const isAdminHost = (host: string) => hostOf(host) === GUARDED_HOST
const isForeignHost = (host: string) => hostOf(host) !== OPEN_HOST
const isData = (_: string, path: string) => path.endsWith(SUFFIX)
const isOneBelow = (_: string, path: string) => new RegExp(`^/[^/]+/${GUARDED}$`).test(path)
const isNotOneBelow = (_: string, path: string) => !new RegExp(`^/${OPEN}/[^/]+$`).test(path)
const METHODS = ["DELETE", "HEAD"]

export const POLICIES: readonly Guarded[] = [
  guarded("deny by prefix", "deny", { to: [{ paths: [{ prefix: `/${GUARDED}` }] }] }, isAdmin),
  guarded("deny as Istio writes it", "deny", { to: [{ paths: [`/${GUARDED}`, `/${GUARDED}/*`] }] }, isAdmin),
  guarded("deny by template", "deny", { to: [{ paths: [`/${GUARDED}`, `/${GUARDED}/{**}`] }] }, isAdmin),
  guarded(
    "deny by condition",
    "deny",
    { when: [{ key: "request.path", values: [`/${GUARDED}`, `/${GUARDED}/*`] }] },
    isAdmin,
  ),
  guarded("allow by prefix", "allow", { to: [{ paths: [{ prefix: `/${OPEN}` }] }] }, isElsewhere),
  guarded("deny all but a prefix", "deny", { to: [{ notPaths: [{ prefix: `/${OPEN}` }] }] }, isElsewhere),
  guarded("allow all but a prefix", "allow", { to: [{ notPaths: [{ prefix: `/${GUARDED}` }] }] }, isAdmin),
  guarded("deny by host", "deny", { to: [{ hosts: [GUARDED_HOST] }] }, isAdminHost),
  guarded("allow all but a host", "allow", { to: [{ notHosts: [GUARDED_HOST] }] }, isAdminHost),
  guarded(
    "deny one path",
    "deny",
    { to: [{ paths: [{ exact: `/${GUARDED}` }] }] },
    (_, path) => path === `/${GUARDED}`,
  ),
  guarded("deny what begins alike", "deny", { to: [{ paths: [`/${GUARDED}*`] }] }, (_, path) =>
    path.startsWith(`/${GUARDED}`),
  ),
  guarded("deny by suffix", "deny", { to: [{ paths: [`*${SUFFIX}`] }] }, isData),
  guarded("allow all but a suffix", "allow", { to: [{ notPaths: [`*${SUFFIX}`] }] }, isData),
  guarded("deny a segment of a template", "deny", { to: [{ paths: [`/{*}/${GUARDED}`] }] }, isOneBelow),
  guarded("deny behind any segments", "deny", { to: [{ paths: [`/{**}${SUFFIX}`] }] }, isData),
  guarded("allow a template", "allow", { to: [{ paths: [`/${OPEN}/{id}`] }] }, isNotOneBelow),
  guarded("deny a method there", "deny", { to: [{ methods: ["GET"], paths: [{ prefix: `/${GUARDED}` }] }] }, isAdmin),
  guarded(
    "allow other methods there",
    "allow",
    [{ to: [{ methods: METHODS }] }, { to: [{ methods: ["GET"], paths: [{ prefix: `/${OPEN}` }] }] }],
    isElsewhere,
  ),
  guarded(
    "deny all but other methods there",
    "deny",
    { to: [{ notMethods: METHODS, paths: [{ prefix: `/${GUARDED}` }] }] },
    isAdmin,
  ),
  guarded(
    "deny a path of a host",
    "deny",
    { to: [{ hosts: [GUARDED_HOST], paths: [{ prefix: `/${GUARDED}` }] }] },
    (host, path) => isAdminHost(host) && isAdmin(host, path),
  ),
  guarded("deny all hosts but one", "deny", { to: [{ notHosts: [OPEN_HOST] }] }, isForeignHost),
  guarded("allow one host", "allow", { to: [{ hosts: [OPEN_HOST] }] }, isForeignHost),
  guarded("deny hosts that begin alike", "deny", { to: [{ hosts: ["admin.*"] }] }, isAdminHost),
  guarded(
    "deny the lower-case letters of a host",
    "deny",
    { when: [{ key: "request.host", values: [GUARDED_HOST.toUpperCase()] }] },
    isAdminHost,
  ),
  guarded(
    "deny by two policies",
    "deny",
    [{ to: [{ paths: [`/${GUARDED}`] }] }, { to: [{ paths: [`/${GUARDED}/*`] }] }],
    isAdmin,
  ),
]

function guarded(
  name: string,
  action: "allow" | "deny",
  rule: PolicyRuleDocument | readonly PolicyRuleDocument[],
  isBreach: Guarded["isBreach"],
): Guarded {
  const content = { policies: { it: { gateways: ["default"], action, rules: [rule].flat() } } }
  const compiled = compile([], { documents: [{ source: name, content }], prune: false, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  const guards = new AccessTable(compiled.snapshot.policies ?? []).at({ at: "gateway", gateway: DEFAULT_GATEWAY })
  return { name, guards: guards!, isBreach }
}

/** What a server gets. */
export interface Sent {
  readonly host: string
  /** Path and query. */
  readonly target: string
  /** Of what the client said. */
  readonly headers: Way["headers"]
}

/** What goes on of a request under each policy; undefined where nothing does, because it is refused or denied. */
export function passed({ host, target, headers }: Way): readonly (Sent | undefined)[] {
  const lower = headers.map(([name, value]) => [name.toLowerCase(), value] as const)
  const raw = { method: "GET", url: `http://${host}${target}`, headers: headersOf(host, lower) }
  const admitted = admit(raw, "gateway", { edge: false, keepsAmbiguousNames: true })
  if ("refusal" in admitted) return POLICIES.map(() => undefined)
  const { address, dropped } = admitted
  // No rule may let it pass where a policy goes by paths.
  if (address.path.includes(ENCODED_SLASH)) return POLICIES.map(() => undefined)
  const http = { method: "GET", host: address.host, port: address.port, path: address.path, headers: new Headers() }
  const principals = { caller: undefined, user: undefined, key: undefined, address: undefined }
  const subject = { principals, gateway: DEFAULT_GATEWAY, http, rpc: undefined }
  const kept = lower.filter(([name]) => !dropped.includes(name))
  const sent = { host: address.host, target: targetOf(address), headers: kept }
  return POLICIES.map(({ guards }) => (guards.judge(subject).allowed ? sent : undefined))
}

/** A host may be one here that no `Headers` holds. */
function headersOf(host: string, others: Way["headers"]): Headers {
  const all = [["host", host] as const, ...others]
  const get = (name: string) => all.find(([known]) => known === name)?.[1] ?? null
  const forEach = (visit: (value: string, name: string) => void) => {
    for (const [name, value] of all) visit(value, name)
  }
  return { get, forEach } as unknown as Headers
}

export interface Breach {
  readonly policy: string
  /** Who reads it so, and what. */
  readonly of: string
  readonly read: string
}

/** What servers of all kinds would make of what they are sent, where a policy was to keep it from them. */
export function breachesOf(sent: readonly (Sent | undefined)[]): Breach[] {
  const first = sent.find((one) => one !== undefined)
  if (!first) return []
  const readings = READINGS.map(({ of, read }) => ({ of, path: read(first.target) }))
  const told = first.headers.find(([name]) => TOLD_OF.some((known) => known === fold(name)))
  return POLICIES.flatMap(({ name, isBreach }, index) => {
    if (!sent[index]) return []
    const breaches = readings.flatMap(({ of, path }) =>
      path !== undefined && isBreach(first.host, path) ? [{ policy: name, of, read: `${first.host}${path}` }] : [],
    )
    return told ? [...breaches, { policy: name, of: "whoever believes headers", read: told.join(": ") }] : breaches
  })
}

/** Names are alike to servers that write them as variables. */
function fold(name: string): string {
  return name.replace(/[_.]/g, "-")
}

/** As a resolver and a virtual host see it. */
function hostOf(written: string): string | undefined {
  return URL.canParse(`http://${written}/`) ? new URL(`http://${written}/`).hostname.replace(/\.$/, "") : undefined
}
