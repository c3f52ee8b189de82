/**
 * From built Workers to what plain `workerd serve` runs: a config, the bundles that it embeds, and the secrets that it takes from the
 * environment. Pure; all problems at once. A Worker that needs what only the platform has is refused rather than changed.
 */
import { isDeepStrictEqual } from "node:util"
import type { BuiltModule, BuiltWorker } from "#cli/local/build.ts"
import type { Problem } from "#shared/model/problem.ts"
import { NO_LOCAL_ORIGINS, parseLocalOrigins } from "#shared/std/egress.ts"
import { Embed, literal, type Struct, type Value } from "./capnp.ts"

/** What is written of a Worker; `BuiltWorker` is one. */
export type Hosted = Pick<BuiltWorker, "name" | "configPath" | "modules" | "options" | "vars" | "secrets">

/** A secret that the runtime reads from its environment when it starts. */
export interface Secret {
  readonly worker: string
  readonly binding: string
  readonly variable: string
}

export interface SelfHosted {
  readonly config: string
  /** By path beside the config. */
  readonly files: ReadonlyMap<string, string | Uint8Array>
  readonly secrets: readonly Secret[]
  /** Bindings that the mesh does without here, `<worker>.<binding>`. */
  readonly leftOut: readonly string[]
}

/** The names by which `workerd serve` lets its operator choose other places: `--directory-path state=/var/lib/weft`. */
export const STATE = "state"
export const INGRESS = "ingress"
export const CONTROL = "control"

export const ADMIN_TOKEN = "WEFT_ADMIN_TOKEN"
/** The public internet and this machine: for proxy and control, where their variable names origins of it. */
const OUTSIDE = "outside"
const LOOPBACK_INGRESS = "127.0.0.1:8787"
const LOOPBACK_CONTROL = "127.0.0.1:8788"

/** Of what wrangler knows, what plain workerd has as well, and what says nothing about bindings. */
const UNDERSTOOD = new Set([
  ...["rootPath", "compatibilityDate", "compatibilityFlags", "bindings", "serviceBindings", "durableObjects"],
  "additionalUnboundDurableObjects",
])
/** What proxy and control do without when it is not there. */
const OPTIONAL = new Set(["kvNamespaces", "analyticsEngineDatasets"])

const MODULE_FIELDS: Readonly<Record<BuiltModule["type"], string | undefined>> = {
  ...{ ESModule: "esModule", CommonJS: "commonJsModule", Text: "text", Data: "data", CompiledWasm: "wasm" },
  ...{ PythonModule: "pythonModule", PythonRequirement: undefined, Script: undefined },
}

export interface HostOptions {
  /** TLS ends before the mesh, at a server that says in `X-Forwarded-Proto` by which scheme the client came. */
  readonly behindProxy?: boolean
}

/** The proxy first, then control, then the project's own Workers. */
export function selfHosted(workers: readonly Hosted[], options: HostOptions = {}): SelfHosted | readonly Problem[] {
  const [proxy, control] = workers as [Hosted, Hosted]
  const isMesh = (worker: Hosted) => worker === proxy || worker === control
  const problems = workers.flatMap((worker) => [
    ...unsupported(worker, isMesh(worker)),
    ...unwritable(worker),
    ...misnamed(worker),
  ])
  if (Object.hasOwn(control.vars, ADMIN_TOKEN)) problems.push(tokenWritten(control))
  const secrets = workers.flatMap((worker) => secretsOf(worker, worker === control, isMesh(worker)))
  problems.push(...collisions(workers, secrets))
  if (problems.length > 0) return problems
  const files = new Map(workers.flatMap(filesOf))
  const reaching = new Set(workers.filter((worker) => isMesh(worker) && reachesThisMachine(worker)))
  const services: Value[] = workers.map((worker) => serviceOf(worker, workers, secrets, reaching.has(worker)))
  services.push({ name: STATE, disk: { path: STATE, writable: true } })
  if (reaching.size > 0) services.push(OUTSIDE_SERVICE)
  const http = options.behindProxy ? { forwardedProtoHeader: "X-Forwarded-Proto" } : undefined
  const sockets: Value[] = [
    { name: INGRESS, address: LOOPBACK_INGRESS, http, service: proxy.name },
    { name: CONTROL, address: LOOPBACK_CONTROL, http, service: control.name },
  ]
  const config = `${HEAD}const config :Workerd.Config = ${literal({ services, sockets })};\n`
  const leftOut = workers.filter(isMesh).flatMap(({ name, options }) => namesOf(options, OPTIONAL, name))
  return { config, files, secrets, leftOut }
}

const HEAD = `# Written by \`weft build\`, which writes it anew: change what it is made from instead. Places are the operator's to choose:
#   WEFT_STATE=/var/lib/weft ./start --socket-addr ${INGRESS}=*:8080
using Workerd = import "/workerd/workerd.capnp";

`

/** As the runtime's own `internet`, which reaches public addresses only. */
const OUTSIDE_SERVICE = {
  name: OUTSIDE,
  network: { allow: ["public", "local"], tlsOptions: { trustBrowserCas: true } },
}

/** What of it, the mesh decides at each use; elsewhere the runtime refuses all of it. */
function reachesThisMachine({ vars }: Hosted): boolean {
  const origins = vars.WEFT_LOCAL_ORIGINS
  return typeof origins === "string" && parseLocalOrigins(origins) !== NO_LOCAL_ORIGINS
}

function serviceOf(
  worker: Hosted,
  workers: readonly Hosted[],
  secrets: readonly Secret[],
  reachesThisMachine: boolean,
): Value {
  const { compatibilityDate, compatibilityFlags = [] } = worker.options
  const objects = objectsOf(worker.name, workers)
  const bindings = bindingsOf(worker, secrets)
  return {
    name: worker.name,
    worker: {
      modules: worker.modules.map((module) => ({
        name: module.name,
        [MODULE_FIELDS[module.type]!]: new Embed(pathOf(worker, module)),
      })),
      compatibilityDate,
      compatibilityFlags: compatibilityFlags.length > 0 ? compatibilityFlags : undefined,
      bindings: bindings.length > 0 ? bindings : undefined,
      durableObjectNamespaces: objects.length > 0 ? objects : undefined,
      durableObjectStorage: objects.length > 0 ? { localDisk: STATE } : undefined,
      globalOutbound: reachesThisMachine ? OUTSIDE : undefined,
    },
  }
}

function bindingsOf(worker: Hosted, secrets: readonly Secret[]): Struct[] {
  const { serviceBindings = {}, durableObjects = {} } = worker.options
  const own = secrets.filter((secret) => secret.worker === worker.name)
  return [
    ...Object.entries(worker.vars).map(([name, value]) =>
      typeof value === "string" ? { name, text: value } : { name, json: JSON.stringify(value) },
    ),
    ...own.map(({ binding, variable }) => ({ name: binding, fromEnvironment: variable })),
    ...Object.entries(serviceBindings).map(([name, designator]) => ({ name, service: designated(designator) })),
    ...Object.entries(durableObjects).map(([name, designator]) => {
      const { className, scriptName } = objectOf(designator)
      return { name, durableObjectNamespace: { className, serviceName: scriptName ?? worker.name } }
    }),
  ]
}

interface ServiceDesignator {
  readonly name: string
  readonly entrypoint?: string
  readonly props?: object
}

function designated(designator: unknown): Value {
  if (typeof designator === "string") return designator
  const { name, entrypoint, props } = designator as ServiceDesignator
  if (entrypoint === undefined && props === undefined) return name
  return { name, entrypoint, props: props && { json: JSON.stringify(props) } }
}

interface ObjectDesignator {
  readonly className: string
  readonly scriptName?: string
  readonly useSQLite?: boolean
}

function objectOf(designator: unknown): ObjectDesignator {
  return typeof designator === "string" ? { className: designator } : (designator as ObjectDesignator)
}

/** The classes that a Worker hosts, whoever binds them. Their keys name folders of the state, and must never change. */
function objectsOf(name: string, workers: readonly Hosted[]): Struct[] {
  const hosted = workers.flatMap((worker) => {
    const { durableObjects = {}, additionalUnboundDurableObjects = [] } = worker.options
    return [...Object.values(durableObjects), ...additionalUnboundDurableObjects]
      .map(objectOf)
      .filter(({ scriptName }) => (scriptName ?? worker.name) === name)
  })
  return [...new Set(hosted.map(({ className }) => className))].map((className) => ({
    ...{ className, uniqueKey: `${name}-${className}` },
    enableSql: hosted.some((object) => object.className === className && object.useSQLite) || undefined,
  }))
}

/** Proxy's and control's keep their names, those of others carry their Worker's: two may have a secret of one name. */
function secretsOf(worker: Hosted, isControl: boolean, isMesh: boolean): Secret[] {
  const names = new Set([...(isControl ? [ADMIN_TOKEN] : []), ...worker.secrets])
  return [...names].map((binding) => ({
    ...{ worker: worker.name, binding },
    variable: isMesh ? binding : `${worker.name.replace(/\W/g, "_").toUpperCase()}__${binding}`,
  }))
}

function tokenWritten({ configPath }: Hosted): Problem {
  const message = "the admin token stands in the config, and would stand in what is built from it"
  const hint = "take it out; it is read from the environment when the runtime starts"
  return { path: `${configPath}: vars.${ADMIN_TOKEN}`, rule: "secret-in-config", message, hint }
}

/** Names of Workers that differ in a letter's case or a dash only would read one another's secrets. */
function collisions(workers: readonly Hosted[], secrets: readonly Secret[]): Problem[] {
  return secrets.flatMap((secret, index) => {
    const twin = secrets.slice(0, index).find((other) => other.variable === secret.variable)
    if (!twin || twin.worker === secret.worker) return []
    const { configPath } = workers.find(({ name }) => name === secret.worker)!
    const message = `its secret ${secret.binding} would come from ${secret.variable}, as "${twin.worker}"'s does`
    return [{ path: configPath, rule: "secret-shared", message, hint: "rename one of the two" }]
  })
}

function unsupported({ options, configPath }: Hosted, isMesh: boolean): Problem[] {
  return namesOf(options, undefined, "")
    .map((name) => name.split(".") as [string, string])
    .filter(([kind]) => !UNDERSTOOD.has(kind) && !(isMesh && OPTIONAL.has(kind)))
    .map(([kind, binding]) => ({
      path: `${configPath}: ${binding}`,
      rule: "not-in-workerd",
      message: `it binds ${kind}, which plain workerd does not have`,
      hint: "take the binding out of a config for this target, or keep this Worker on Cloudflare",
    }))
}

/** `<prefix or kind>.<binding>` of all bindings of these kinds; of all kinds without. */
function namesOf(options: object, kinds: ReadonlySet<string> | undefined, prefix: string): string[] {
  return Object.entries(options as Record<string, unknown>).flatMap(([kind, value]) => {
    if (kinds ? !kinds.has(kind) : UNDERSTOOD.has(kind)) return []
    return entries(value).map((binding) => `${prefix || kind}.${binding}`)
  })
}

/** Names of what is in an option: wrangler gives empty lists and records for what a config does not have. */
function entries(value: unknown): string[] {
  if (value === undefined || value === null || value === false) return []
  if (Array.isArray(value)) return value.map((_, index) => String(index))
  if (typeof value !== "object") return [String(value)]
  return Object.entries(value).flatMap(([name, inner]) =>
    isDeepStrictEqual(inner, []) || isDeepStrictEqual(inner, {}) ? [] : [name],
  )
}

function unwritable({ modules, configPath }: Hosted): Problem[] {
  return modules
    .filter(({ type, name }) => MODULE_FIELDS[type] === undefined || isOutside(name))
    .map(({ type, name }) => ({
      path: `${configPath}: ${name}`,
      rule: "module-unsupported",
      message: `a module of the kind ${type} cannot be written for workerd`,
      hint: "this target takes ES modules",
    }))
}

/** The runtime's own services, of which every config has one and this config has the others. */
function misnamed({ name, configPath }: Hosted): Problem[] {
  if (![STATE, OUTSIDE, "internet"].includes(name)) return []
  const message = `a Worker cannot have the name "${name}" here, which the runtime's own service has`
  return [{ path: configPath, rule: "name-taken", message, hint: "rename it" }]
}

function isOutside(name: string): boolean {
  return name.startsWith("/") || name.split("/").includes("..")
}

function filesOf(worker: Hosted): (readonly [string, string | Uint8Array])[] {
  return worker.modules.map((module) => [pathOf(worker, module), module.content] as const)
}

function pathOf(worker: Hosted, module: BuiltModule): string {
  return `workers/${worker.name}/${module.name}`
}
