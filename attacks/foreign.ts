/**
 * Configurations as cases write them, which is no mesh's language in particular, as a document of this one: what is wrong in them
 * stays as wrong. Text that JSON cannot hold as a value (a number beyond all bounds, a key that stands there twice) goes on as text.
 */
import type { Json } from "./json.ts"

/** Something that is no document, or nearly one. */
export type AnyDocument = Readonly<Record<string, Json>>

const HOST = "app.test"

/** What is put at a path of one thing: `PUT /v1/upstreams/x` with the thing as its body. */
export function documentAt(plural: string, id: string, body: string): string {
  const thing = parseRaw(body === "" ? "{}" : body)
  if (!isRecord(thing)) return textOf({ [plural]: thing })
  // Whatever has a URL of its own is a place that requests are sent to.
  if (plural === "upstreams" || typeof thing.url === "string") return textOf({ services: { [id]: thing } })
  const { jwksUri, jwks_uri: other, ...rest } = thing
  const jwks = jwksUri ?? other
  if (jwks !== undefined)
    return textOf(authenticated({ jwt: [{ issuer: "https://iss.test", audiences: ["api"], jwks, ...rest }] }))
  const named = textOf(translate({ [plural]: [{ id, ...thing }] }))
  // Somebody else's thing is one of another namespace.
  const [, namespace] = /^(t\d+)\D/.exec(id) ?? []
  return namespace === undefined ? named : named.replace("{", `{"namespace":"${namespace}",`)
}

/** The text of a document. */
export function documentText(foreign: string): string {
  if (hasTwins(foreign)) return foreign
  return textOf(translate(parseRaw(foreign)))
}

function translate(foreign: Json): AnyDocument {
  if (!isRecord(foreign)) return { routes: foreign }
  let document: Record<string, Json> = {}
  for (const [key, value] of Object.entries(foreign)) {
    const read = Object.hasOwn(TRANSLATIONS, key) ? TRANSLATIONS[key] : undefined
    document = { ...document, ...(read ? read(value) : { [key]: value }) }
  }
  return document
}

const TRANSLATIONS: Readonly<Record<string, (value: Json) => AnyDocument>> = {
  routes: (value) => (Array.isArray(value) ? { routes: byId(value, "r", route) } : { routes: value }),
  upstreams: (value) => (Array.isArray(value) ? ruled({ backends: value.map(backend) }) : { services: value }),
  services: (value) => (Array.isArray(value) ? { services: byId(value, "s", (one) => one) } : { services: value }),
  policies: (value) => ({ policies: Array.isArray(value) ? byId(value, "p", (one) => one) : value }),
  match: (value) => ruled({ match: value, ...TO_SOMEWHERE }),
  // More specific than what the mesh holds already, so that requests come to it.
  setHeader: (value) =>
    ruled({ match: { path: "/x" }, filters: [{ requestHeaders: { set: value } }], ...TO_SOMEWHERE }),
  timeoutMs: (value) => ruled({ timeout: durationOf(value), ...TO_SOMEWHERE }),
  authz: authenticated,
  auth: authenticated,
  jwt: authenticated,
}

const TO_SOMEWHERE = { backends: [{ service: "upstream" }] }

function ruled(rule: Json): AnyDocument {
  return { routes: { r: { hosts: [HOST], rules: [rule] } } }
}

function route(value: Json): Json {
  if (!isRecord(value)) return value
  const { upstream, timeoutMs, path, ...rest } = value
  const target = upstream === undefined ? TO_SOMEWHERE : { backends: [{ service: upstream }] }
  const timeout = timeoutMs === undefined ? {} : { timeout: durationOf(timeoutMs) }
  const match = path === undefined ? {} : { match: { path } }
  return { hosts: [HOST], rules: [{ ...match, ...rest, ...timeout, ...target }] }
}

function backend(value: Json): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { service: "upstream", ...value }
    : value
}

/** An authentication that would be right but for what the case puts into it. */
function authenticated(value: Json): AnyDocument {
  const right = {
    gateways: ["default"],
    jwt: [{ issuer: "https://iss.test", audiences: ["api"], jwks: "https://iss.test/jwks.json" }],
  }
  const wrong = isRecord(value) ? value : { required: value }
  return { authentication: { a: { ...right, ...wrong } } }
}

function byId(list: readonly Json[], prefix: string, read: (value: Json) => Json): Json {
  const named = list.map((one, index): [string, Json] => {
    if (!isRecord(one)) return [`${prefix}${index}`, one]
    const { id, name, ...rest } = one
    const called = String(id ?? name ?? `${prefix}${index}`)
    const isTwin = list.slice(0, index).some((other) => isRecord(other) && (other.id ?? other.name) === called)
    return [isTwin ? `${TWIN}${called}` : called, read(rest)]
  })
  return Object.fromEntries(named)
}

function isRecord(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function durationOf(value: Json): Json {
  return typeof value === "number" ? `${value}ms` : value
}

/** What no number can hold stands as a text with this mark in the meantime. */
const RAW = "\u0000raw "
/** So does a name that stands there twice. */
const TWIN = "\u0000twin "

function parseRaw(text: string): Json {
  return JSON.parse(text, function (this: unknown, _key: string, value: unknown, context?: { source?: string }) {
    return typeof value === "number" && !Number.isFinite(value) ? `${RAW}${context?.source}` : value
  } as never) as Json
}

function textOf(document: AnyDocument): string {
  return JSON.stringify(document)
    .replace(/"\\u0000raw ([^"]*)"/g, "$1")
    .replaceAll("\\u0000twin ", "")
}

/** Whether some object names a member twice: to parse it would lose one. */
function hasTwins(text: string): boolean {
  const keys = [...text.matchAll(/"((?:[^"\\]|\\.)*)"\s*:/g)].map(([, key]) => key!)
  let members = 0
  JSON.parse(text, (_, value) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) members += Object.keys(value).length
    return value
  })
  return keys.length > members
}
