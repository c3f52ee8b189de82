/**
 * Cases of the kind `admin`. Their API is nobody's in particular: what they do to a route, an upstream or a configuration is done here
 * by an apply of documents, what they read by a list of resources; all else goes to control as it stands. Headers stay, byte for byte.
 */
import { ARGUMENTS, type ArgumentName } from "#attacks/argued.ts"
import type { AttackCase, AttackRequest } from "#attacks/case.ts"
import { fillBody } from "#attacks/fill.ts"
import { documentAt, documentText } from "#attacks/foreign.ts"
import { failed, notUnderstood, type Outcome, passed } from "#attacks/outcome.ts"
import { headerOf, type WireAnswer } from "#attacks/wire.ts"
import { ADMIN_TOKEN, type World } from "#attacks/world.ts"
import { Tokens } from "./admin-tokens.ts"
import { applying, contentOf, REFUSED, sendToControl } from "./control.ts"

const LISTS =
  "routes|upstreams|services|policies|gateways|providers|jwt|jwks|issuers|authn|authz|hooks|mirrors|webhooks"

export async function runAdmin(one: AttackCase, world: World): Promise<Outcome> {
  const tokens = new Tokens(world)
  const request = await translated(one, tokens, world)
  if (typeof request === "string") return notUnderstood(one, [request])
  const before = await contentOf(world)
  const answer = await sendToControl(world, request)
  const after = await contentOf(world)
  const argued = argumentFor(one)
  const faults = [
    ...judgeStatus(one, answer, argued),
    ...judgeAnswer(answer, request),
    ...(before === after ? [] : ["the mesh holds something else than before"]),
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
  const { method, rawPath, body } = request
  const reads = method === "GET" || method === "HEAD"
  const [, plural = "", rest = ""] = new RegExp(`^/v1/(${LISTS})(?=[/?]|$)(.*)`).exec(rawPath) ?? []
  if (plural !== "" && reads) return { ...request, headers: filled, rawPath: `/v1/resources${rest}` }
  const [, id] = /^\/([^/?]+)/.exec(rest) ?? []
  const isChange = plural !== "" || /^\/v1\/(config|batch|internal\/apply)(\?|$)/.test(rawPath)
  if (reads || !isChange) return { ...request, headers: filled }
  // What is no JSON is no document either.
  const isText = body?.startsWith("{") && !isJson(body)
  if (isText) return { ...request, method: "POST", rawPath: "/v1/apply", headers: typed(filled), body }
  const document =
    id === undefined ? documentText(body?.startsWith("{") ? body : "{}") : documentAt(plural, id, body ?? "")
  const apply = applying([
    plural === "services" && id === undefined ? documentAt("services", idIn(body), "{}") : document,
  ])
  // Who may is asked only where the case is about it: else whoever asks, may.
  const isAboutWho = expect.status.some((status) => status === 401 || status === 403)
  const headers = isAboutWho ? typed(filled) : authorised(filled)
  const [, revision] = /[?&]rev=(\d+)/.exec(rawPath) ?? []
  const ifMatch =
    revision === undefined ? [] : [["If-Match", `"${await revisionBefore(Number(revision), world)}"`] as const]
  const declared = headers.some(([name]) => /^content-length$/i.test(name))
  const sent = /^<[\d.]+ ?\w+/.test(body ?? "") ? fillBody(body!) : apply.body
  return { method: "POST", rawPath: apply.rawPath, headers: [...headers, ...ifMatch], body: declared ? "" : sent }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function idIn(body: string | null): string {
  return String((JSON.parse(body ?? "{}") as { id?: unknown }).id ?? "x")
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
