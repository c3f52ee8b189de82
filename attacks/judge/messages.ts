/** What is asserted of headers, framing, answers and bodies. */
import type { AttackRequest } from "#attacks/case.ts"
import { valuesOf } from "#attacks/upstream.ts"
import { headerOf, readChunks, type WireAnswer } from "#attacks/wire.ts"
import { attackHeaders, type Evidence, type Faults, FINE, firstAnswer, fold, type Meaning, probe } from "./evidence.ts"
import { short } from "./received.ts"

/** Classes about how long something may take. */
const IN_TIME = /^(timeout|retry|hook|authz|upstream|jwks|body|stream|deadline|ratelimit)\./

export const MESSAGES: readonly Meaning[] = [
  { of: /^header\.(duplicate|absent-negative|empty|whitespace|case|order)/, says: /./, judge: goesOn },
  { of: /^header\.setcopy/, says: /overwrite removes every earlier/, judge: goesOn },
  { of: /^header\.(identity-spoof|internal-spoof|hop-by-hop|connection-nominated)/, says: /./, judge: notFolded },
  { of: /^header\.(xff-trust|xf-spoof)/, says: /./, judge: replacedUpstream },
  { of: /^header\.template-injection/, says: /./, judge: noNewHeader },
  { of: /^header\.count/, says: /> ?(\d+) headers -> (\d{3})/, judge: countLimited },
  { of: /^header\.size/, says: /> ?(\d+) KiB -> (\d{3})/, judge: sizeLimited },
  { of: /^header\.crlf/, says: /./, judge: noNewHeader },
  { of: /^header\.cookie-clear/, says: /./, judge: noCookieLeft },
  {
    of: /^header\.(?!duplicate|absent|empty|whitespace|case|order|setcopy|identity|internal|hop|connection|xff|xf-|template|count|size|crlf|cookie-clear)/,
    says: /./,
    judge: goesOn,
  },
  { of: /^header\.(count|size)/, says: /^(?!.*> ?\d+ (?:headers|KiB) -> \d{3})./, judge: goesOn },
  { of: /^framing\./, says: /trailers never become headers/, judge: noTrailer },
  { of: /^framing\.(?!upgrade-200|bad-status|response|premature-upgrade)/, says: /./, judge: sameBody },
  { of: /^framing\.(upgrade-200|bad-status|response|premature-upgrade)/, says: /./, judge: noTunnel },
  { of: /^framing\.response/, says: /./, judge: cleanAnswer },
  { of: /^cors\./, says: /^no access-control-allow-origin/i, judge: corsSilent },
  { of: /^cors\./, says: /^ACAO echoes the origin, vary: origin/i, judge: corsEchoes },
  { of: /^cors\./, says: /^(?!no access-control|ACAO)./i, judge: corsSafe },
  { of: /^cache\./, says: /./, judge: nothingShared },
  { of: /^retry\./, says: /./, judge: attemptsBounded },
  { of: IN_TIME, says: /(?:<=?|within|under|less than) ?([\d,]+) ?(ms|s)\b/, judge: inTime },
  { of: /^(trace|tracing)\./, says: /./, judge: tracedAnew },
  { of: /^(body|timeout|deadline|stream|ws|websocket|query|cookie|method|upstream)\./, says: /./, judge: goesOn },
  { of: /^ratelimit\.key/, says: /./, judge: oneBucket },
  { of: /^ratelimit\.(?!key)/, says: /./, judge: goesOn },
]

/** A request may be tried so often as its rule says, and what comes next is served as ever. */
async function attemptsBounded(evidence: Evidence): Promise<Faults> {
  const { arrivals, results, stage } = evidence
  const most = (stage.facts.attempts ?? 1) * results.length
  const tooMany = arrivals.length > most ? [`${results.length} requests became ${arrivals.length} attempts`] : []
  return [...tooMany, ...(await goesOn(evidence))]
}

function inTime({ tookMs }: Evidence, [limit, unit]: readonly string[]): Faults {
  const limitMs = Number(limit!.replaceAll(",", "")) * (/^s/i.test(unit!) ? 1_000 : 1)
  return tookMs <= limitMs ? FINE : [`an answer took ${Math.round(tookMs)} ms`]
}

/** A trace context goes on once and well formed (W3C, 3.2.2), and what goes wrong with one is no failure of the request. */
async function tracedAnew(evidence: Evidence): Promise<Faults> {
  const wrong = evidence.arrivals.flatMap(({ headers }) => {
    const found = valuesOf(headers, "traceparent")
    const isFine =
      found.length <= 1 &&
      found.every((one) => /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(one))
    return isFine ? [] : [`the upstream received traceparent: ${short(found.join(" | "))}`]
  })
  return [...wrong, ...(await goesOn(evidence))]
}

/** Whoever sets no cookie has none to take back. */
function noCookieLeft(evidence: Evidence): Faults {
  const cookie = headerOf(firstAnswer(evidence), "set-cookie")
  return cookie === undefined || /;\s*secure/i.test(cookie) ? FINE : [`it sets the cookie ${cookie}`]
}

/** No header under any spelling of the attack's, with the attack's value. */
function notFolded({ sent, arrivals }: Evidence): Faults {
  return arrivals.flatMap(({ headers }) =>
    attackHeaders(sent)
      .filter(([name]) => !/^(authorization|connection)$/i.test(name.trim()))
      .flatMap(([name, value]) => headers.filter(([one, of]) => fold(one) === fold(name.trim()) && of === value.trim()))
      .map(([name, value]) => `the upstream received ${name}: ${short(value)}`),
  )
}

/** Nothing of what the client claims goes on: asked again where nothing speaks against the request. */
async function replacedUpstream(evidence: Evidence): Promise<Faults> {
  const { arrivals } = await probe(evidence, { rawPath: "/public", ...evidence.stage.facts.benign })
  return notFolded({ ...evidence, arrivals })
}

function noNewHeader({ sent, arrivals }: Evidence): Faults {
  const injected = attackHeaders(sent).flatMap(([, value]) =>
    [...value.matchAll(/%0d%0a([\w-]+):/gi)].map(([, name]) => name!),
  )
  return injected.flatMap((name) =>
    arrivals.flatMap(({ headers }) => valuesOf(headers, name).map(() => `${name} came into being`)),
  )
}

async function countLimited(evidence: Evidence, [most, status]: readonly string[]): Promise<Faults> {
  const host = evidence.sent.headers.filter(([name]) => name.toLowerCase() === "host")
  // The host and the end of the connection count too.
  const some = (count: number) => Array.from({ length: count - 2 }, (_, index) => [`x-c${index}`, "v"] as const)
  const many = (count: number) => Array.from({ length: count }, () => ["x-c", "v"] as const)
  const statusOf = async (more: AttackRequest["headers"]) =>
    (await probe(evidence, { headers: [...host, ...more] })).answer.status
  const over = Number(most) + 1
  return [
    ...wrong(await statusOf(some(Number(most))), Number(status), false, `${most} headers`),
    ...wrong(await statusOf(some(over)), Number(status), true, `${over} headers`),
    ...wrong(await statusOf(many(over)), Number(status), true, `${over} headers of one name`),
  ]
}

async function sizeLimited(evidence: Evidence, [kib, status]: readonly string[]): Promise<Faults> {
  const host = evidence.sent.headers.filter(([name]) => name.toLowerCase() === "host")
  const statusOf = async (bytes: number) =>
    (await probe(evidence, { headers: [...host, ["Cookie", "c".repeat(bytes)]] })).answer.status
  const most = Number(kib) * 1024
  return [
    ...wrong(await statusOf(most - 200), Number(status), false, `${most - 200} bytes of cookies`),
    ...wrong(await statusOf(most), Number(status), true, `${most} bytes of cookies and more`),
  ]
}

function wrong(found: number, status: number, expected: boolean, what: string): Faults {
  return (found === status) === expected ? FINE : [`${what} are answered ${found}`]
}

/** What comes next on another connection is served as ever. */
async function goesOn(evidence: Evidence): Promise<Faults> {
  const host = evidence.sent.headers.filter(([name]) => name.toLowerCase() === "host")
  const { script, more, issuer, apiKeys } = evidence.stage
  const { answer } = await probe(evidence, { method: "GET", headers: host, body: null })
  const crashed = evidence.log.filter((line) => line.includes("internal error"))
  // Where all upstreams fail on purpose, so does the next request; where somebody is kept out, so may who sends it.
  const usual = Object.keys(script).length > 0 ? firstAnswer(evidence).status : 200
  const isGuarded = more.policies !== undefined || issuer !== undefined || apiKeys !== undefined
  const isUsual =
    answer.status === 200 || answer.status === usual || (isGuarded && /^40[13]$/.test(String(answer.status)))
  return [...(isUsual ? [] : [`the next request is answered ${answer.status}`]), ...crashed]
}

function noTrailer({ sent, arrivals }: Evidence): Faults {
  const trailers = [...(sent.body ?? "").matchAll(/\r\n([\w-]+): /g)].map(([, name]) => name!)
  return trailers.flatMap((name) =>
    arrivals.flatMap(({ headers }) => valuesOf(headers, name).map(() => `the trailer ${name} became a header`)),
  )
}

/** The upstream reads the body that the client sent, or the request is refused. */
function sameBody({ sent, arrivals }: Evidence): Faults {
  const isChunked = sent.headers.some(([name, value]) => /^transfer-encoding$/i.test(name) && /chunked/i.test(value))
  const body = (isChunked ? readChunks(sent.body ?? "")?.body : undefined) ?? sent.body ?? ""
  const declared = isChunked ? undefined : sent.headers.find(([name]) => /^content-length$/i.test(name))?.[1]
  const length = Number(declared ?? body.length)
  const wrong = arrivals.filter((one) => one.body !== body.slice(0, length) && one.complete)
  return wrong.map((one) => `the upstream read the body ${short(one.body)}`)
}

function noTunnel(evidence: Evidence): Faults {
  const answers = evidence.results.flatMap((result) => result.answers)
  const upgraded = answers.some(({ status }) => status === 101)
  const crashed = evidence.log.filter((line) => line.includes("internal error"))
  const foreign = answers.some(({ body }) => body.includes("stolen"))
  return [
    ...(upgraded ? ["a tunnel was opened"] : []),
    ...(foreign ? ["bytes of no answer came through"] : []),
    ...crashed,
  ]
}

/** Nothing that the upstream smuggled into its answer, and nothing that it said of its own connection. */
function cleanAnswer(evidence: Evidence): Faults {
  const answer = firstAnswer(evidence)
  const smuggled = evidence.stage.argued === "framed-anew" ? undefined : "x-admin"
  const kept = [evidence.stage.facts.keptFromClient, smuggled].filter((name) => name !== undefined)
  return kept.filter((name) => headerOf(answer, name) !== undefined).map((name) => `the client got ${name}`)
}

const allowed = (answer: WireAnswer) => headerOf(answer, "access-control-allow-origin")

function corsSilent(evidence: Evidence): Faults {
  const origin = allowed(firstAnswer(evidence))
  if (evidence.stage.argued === "wildcard-labels" && origin !== "*") return FINE
  return origin === undefined ? FINE : [`the origin is allowed: ${origin}`]
}

function corsEchoes(evidence: Evidence): Faults {
  const answer = firstAnswer(evidence)
  const sent = evidence.sent.headers.find(([name]) => /^origin$/i.test(name))?.[1]
  const varies = headerOf(answer, "vary")?.toLowerCase().split(/ *, */).includes("origin")
  return [
    ...(allowed(answer) === sent ? [] : [`the origin allowed is ${allowed(answer) ?? "none"}`]),
    ...(varies ? [] : ["the answer does not vary by origin"]),
  ]
}

/** Never every origin together with credentials, never one that is not asked for. */
function corsSafe(evidence: Evidence): Faults {
  const answer = firstAnswer(evidence)
  const credentials = headerOf(answer, "access-control-allow-credentials") === "true"
  return allowed(answer) === "*" && credentials ? ["every origin gets credentials"] : FINE
}

/** Every request reaches the upstream for itself: nothing is kept that another could be given. */
function nothingShared({ results, arrivals }: Evidence): Faults {
  const refused = results.filter(({ answers }) => answers[0] && headerOf(answers[0], "weft-refusal") !== undefined)
  const sent = results.length - refused.length
  return arrivals.length === sent ? FINE : [`${sent} requests, and ${arrivals.length} reached the upstream`]
}

/** Requests that write their key in another way share the bucket, and so do those without one. */
function oneBucket({ results }: Evidence): Faults {
  const refused = results.filter(({ answers }) => answers[0]?.status === 429).length
  return refused > 0 ? FINE : ["nothing was limited"]
}
