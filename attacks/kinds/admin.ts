/**
 * Cases of the kind `admin`. Their API is nobody's in particular: what they do to a route, an upstream or a configuration is done here
 * by an apply of documents, what they read by a list of resources; all else goes to control as it stands. Headers stay, byte for byte.
 */
import { ARGUMENTS, type ArgumentName } from "#attacks/argued.ts"
import type { AttackCase, AttackRequest } from "#attacks/case.ts"
import { fillBody } from "#attacks/fill.ts"
import { documentAt, documentText } from "#attacks/foreign.ts"
import { unjudgedFigures } from "#attacks/judge/figures.ts"
import { failed, notUnderstood, type Outcome, passed } from "#attacks/outcome.ts"
import { headerOf, type WireAnswer } from "#attacks/wire.ts"
import { ADMIN_TOKEN, type World } from "#attacks/world.ts"
import { Tokens } from "./admin-tokens.ts"
import { applying, contentOf, isJson, REFUSED, sendToControl } from "./control.ts"

const LISTS =
  "routes|upstreams|services|policies|gateways|providers|jwt|jwks|issuers|authn|authz|hooks|mirrors|webhooks"

/** What there is without a word of it: control with its tokens, and what its API is asked for. */
const SETUPS: readonly RegExp[] = [
  /^admin API at admin\.test(?:, tokens with roles viewer\/editor\/admin and tenant scope)?\.?$/i,
  /^admin (?:GET|PUT|POST|PATCH|DELETE) \S/,
  /^(?:the )?(?:dashboard|topology|tap|metrics|audit log|history|trace view)(?: view| page)?$/i,
  /^(?:service|route|upstream|policy|token|namespace|resource)s?(?:[ /](?:ids?|names?|descriptions?|labels?))*$/i,
]

/** Assertions about a time that what is done here measures: at once. */
const MEASURED = /revocation effective <= ?\d+ ?s/i

export async function runAdmin(one: AttackCase, world: World): Promise<Outcome> {
  if (!SETUPS.some((says) => says.test(one.setup))) return notUnderstood(one, [`setup: ${one.setup}`])
  const unknown = unjudgedFigures(one, MEASURED.exec(one.expect.assert) ?? [])
  if (unknown.length > 0) return notUnderstood(one, unknown)
  const tokens = new Tokens(world)
  const request = await translated(one, tokens, world)
  if (typeof request === "string") return notUnderstood(one, [request])
  await world.drain()
  const before = await contentOf(world)
  const answer = await sendToControl(world, request)
  const after = await contentOf(world)
  const arrivals = await world.drain()
  const argued = argumentFor(one)
  const faults = [
    ...judgeStatus(one, answer, argued),
    ...judgeAnswer(answer, request),
    ...(before === after ? [] : ["the mesh holds something else than before"]),
    ...arrivals.map(({ service, target }) => `${service} received ${target}`),
    ...(await judgeAssertion(one, request, answer, tokens, world)),
  ]
  return faults.length > 0 ? failed(one, faults) : passed(one, argued)
}

/** The request that does here what the case's does there; a text says what of it is not understood. */
async function translated(
  { request, expect }: AttackCase,
  tokens: Tokens,
  world: World,
): Promise<AttackRequest | string> {
  const filled = await tokens.fill(request.headers)
  if (typeof filled === "string") return filled
  const { method } = request
  const [rawPath, body] = await Promise.all([tokens.fillText(request.rawPath), tokens.fillText(request.body ?? "")])
  if (rawPath === undefined || body === undefined) return `token: ${request.rawPath} ${request.body}`
  const reads = method === "GET" || method === "HEAD"
  const [, plural = "", rest = ""] = new RegExp(`^/v1/(${LISTS})(?=[/?]|$)(.*)`).exec(rawPath) ?? []
  if (plural !== "" && reads)
    return { ...request, headers: filled, rawPath: `/v1/resources${rest}`, body: request.body }
  const [, id] = /^\/([^/?]+)/.exec(rest) ?? []
  const isChange =
    (method === "PUT" || method === "POST") &&
    (plural !== "" || /^\/v1\/(config|batch|internal\/apply)(\?|$)/.test(rawPath))
  if (method === "DELETE" && id !== undefined)
    return { ...request, headers: filled, rawPath: resourceAt(plural, id), body: null }
  if (reads || !isChange) return { ...request, headers: filled, rawPath, body: request.body === null ? null : body }
  // What is no JSON is no document either.
  const isText = body.startsWith("{") && !isJson(body)
  if (isText) return { ...request, method: "POST", rawPath: "/v1/apply", headers: typed(filled), body }
  const document = id === undefined ? documentText(body.startsWith("{") ? body : "{}") : documentAt(plural, id, body)
  const wanted = plural === "services" && id === undefined ? documentAt("services", idIn(body), "{}") : document
  // Who puts a configuration in the place of another takes away what is not in it.
  const prune = method === "PUT" && /^\/v1\/config/.test(rawPath) && /"routes": ?\[ ?\]/.test(body)
  const apply = applying([prune && EMPTY.test(wanted) ? "{}" : wanted], { prune })
  // Who may is asked only where the case is about it: else whoever asks, may.
  const isAboutWho = expect.status.some((status) => status === 401 || status === 403)
  const isAboutType = expect.status.includes(415)
  const headers = isAboutType ? filled : isAboutWho ? typed(filled) : authorised(filled)
  const [, revision] = /[?&]rev=(\d+)/.exec(rawPath) ?? []
  const ifMatch =
    revision === undefined ? [] : [["If-Match", `"${await revisionBefore(Number(revision), world)}"`] as const]
  const declared = headers.some(([name]) => /^content-length$/i.test(name))
  const sent = /^<[\d.]+ ?\w+/.test(body) ? fillBody(body) : apply.body
  return { method: "POST", rawPath: apply.rawPath, headers: [...headers, ...ifMatch], body: declared ? "" : sent }
}

/** Nothing but empty lists. */
const EMPTY = /^\{("\w+":(\{\}|\[\]),?)*\}$/

const KINDS: Readonly<Record<string, string>> = { routes: "Route", policies: "AccessPolicy", gateways: "Gateway" }

function resourceAt(plural: string, id: string): string {
  const [, namespace = "default"] = /^(t\d+)\D/.exec(id) ?? []
  return `/v1/resources/${KINDS[plural] ?? "Service"}/${namespace}/${id}`
}

function idIn(body: string): string {
  return String((JSON.parse(body === "" ? "{}" : body) as { id?: unknown }).id ?? "x")
}

function authorised(headers: AttackRequest["headers"]): AttackRequest["headers"] {
  const others = headers.filter(([name]) => !/^authorization$/i.test(name))
  return [...typed(others), ["Authorization", `Bearer ${ADMIN_TOKEN}`]]
}

/** What is not said of a body's type is not what the case is about. */
function typed(headers: AttackRequest["headers"]): AttackRequest["headers"] {
  const isTyped = headers.some(([name]) => /^content-type$/i.test(name))
  return isTyped ? headers : [...headers, ["Content-Type", "application/json"] as const]
}

/** A revision that is certainly no longer the head. */
async function revisionBefore(revision: number, world: World): Promise<number> {
  const head = Number(JSON.parse(await contentOf(world)).revision)
  return revision === head ? revision - 1 : revision
}

function argumentFor({ class: of, request }: AttackCase): ArgumentName | undefined {
  if (of === "admin.oauth") return "no-oauth"
  return of === "admin.error" && /[<>`{}"]/.test(request.rawPath) ? "no-target" : undefined
}

function judgeStatus({ expect }: AttackCase, { status }: WireAnswer, argued: ArgumentName | undefined): string[] {
  const allowed: readonly number[] = argued ? [ARGUMENTS[argued].status] : expect.status
  const isRefused = allowed.includes(422) && REFUSED.includes(status)
  return allowed.includes(status) || isRefused ? [] : [`status ${status} instead of ${allowed.join(" or ")}`]
}

/** What every answer of control has; a text that was sent is nowhere in it but in JSON. */
function judgeAnswer(answer: WireAnswer, request: AttackRequest): string[] {
  // The runtime refuses by itself what is no HTTP: the request never came to control, whose every answer has an id.
  if (headerOf(answer, "weft-request-id") === undefined && answer.status === 400) return []
  const csp = headerOf(answer, "content-security-policy") ?? ""
  const wanted = [
    [headerOf(answer, "x-content-type-options") === "nosniff", "X-Content-Type-Options is not nosniff"],
    [/frame-ancestors 'none'/.test(csp), "frames are not forbidden"],
    [!/unsafe-inline|unsafe-eval/.test(csp.replace(/style-src[^;]*/, "")), "inline scripts are allowed"],
    [headerOf(answer, "referrer-policy") === "no-referrer", "Referrer-Policy is not no-referrer"],
    [headerOf(answer, "access-control-allow-origin") === undefined, "other origins may read the answer"],
    [answer.status < 400 || /json/.test(headerOf(answer, "content-type") ?? ""), "an error is no JSON"],
    [answer.status < 300 || answer.status >= 400, "it redirects"],
    [!/\bat .*\.[jt]s:\d/.test(answer.body), "the answer has a stack"],
    [headerOf(answer, "set-cookie") === undefined, "a cookie is set"],
  ] as const
  const secrets = request.headers.filter(([name]) => /^authorization$/i.test(name)).map(([, value]) => value.slice(7))
  return [
    ...wanted.flatMap(([holds, fault]) => (holds ? [] : [fault])),
    ...secrets
      .filter((secret) => secret.length > 8 && answer.body.includes(secret))
      .map(() => "the answer repeats the token"),
  ]
}

/** What a status alone does not show. */
async function judgeAssertion(
  one: AttackCase,
  request: AttackRequest,
  answer: WireAnswer,
  tokens: Tokens,
  world: World,
): Promise<string[]> {
  const text = one.expect.assert
  if (/unknown id takes the same path/i.test(text)) {
    const other = await sendToControl(world, {
      ...request,
      headers: await withToken(request, "weft_nobody_has_ever_made_this_token"),
    })
    return other.body === answer.body && other.status === answer.status
      ? []
      : ["a wrong token is answered otherwise than an unknown one"]
  }
  if (/revocation effective/i.test(text)) return tokens.revocationFaults()
  if (/source address never grants/i.test(text)) {
    const local = await sendToControl(world, {
      ...request,
      headers: [
        ["Host", "localhost"],
        ["X-Forwarded-For", "127.0.0.1"],
        ["CF-Connecting-IP", "127.0.0.1"],
      ],
    })
    return local.status === 401 || local.status === 421 ? [] : [`without a token it is answered ${local.status}`]
  }
  if (/413 before reading; chunked counted/i.test(text)) return chunkedFaults(request, world)
  return []
}

async function withToken(request: AttackRequest, token: string): Promise<AttackRequest["headers"]> {
  return request.headers.map(
    ([name, value]) => [name, /^authorization$/i.test(name) ? `Bearer ${token}` : value] as const,
  )
}

const TOO_MANY_BYTES = 5 * 1024 * 1024

async function chunkedFaults(request: AttackRequest, world: World): Promise<string[]> {
  const headers = request.headers.filter(([name]) => !/^content-length$/i.test(name))
  const chunked = [...headers, ["Transfer-Encoding", "chunked"] as const]
  const { status } = await sendToControl(world, { ...request, headers: chunked, body: "x".repeat(TOO_MANY_BYTES) })
  return status === 413 ? [] : [`a body in chunks of ${TOO_MANY_BYTES} bytes is answered ${status}`]
}
