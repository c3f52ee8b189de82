/** Cases of the kind `load`: many requests, and what they must not grow, repeat or slow down. */
import type { AttackCase, AttackRequest } from "#attacks/case.ts"
import { fill } from "#attacks/fill.ts"
import { repliesOf } from "#attacks/issuer.ts"
import { quick } from "#attacks/judge/canonical.ts"
import { unjudgedFigures } from "#attacks/judge/figures.ts"
import type { Keys } from "#attacks/keys.ts"
import { failed, notUnderstood, type Outcome, passed } from "#attacks/outcome.ts"
import { readSetup } from "#attacks/setups/grammar.ts"
import { PHRASES } from "#attacks/setups/phrases.ts"
import { documentOf, emptyStage, type Stage } from "#attacks/stage.ts"
import { answerOf, bytesOf, send } from "#attacks/wire.ts"
import { ADMIN_TOKEN, type World } from "#attacks/world.ts"

const REQUESTS = 1_200
const AT_ONCE = 24
const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "PURGE", "PROPFIND"]
/** Isolates report what they counted every second or so. */
const REPORT_MS = 3_000
const SERIES_MAX = 2_000
const RETRY_SHARE_MAX = 1.25
/** Fetches of an issuer's keys while tokens of unknown keys pour in: one to begin with, one forced. */
const FETCHES_MAX = 2

interface Load {
  readonly of: RegExp
  /** How the request differs from the last one. */
  readonly vary?: (request: AttackRequest, index: number) => AttackRequest
  readonly judge: (world: World, arrivals: number, helped: number) => Promise<string[]> | string[]
  /** The figures of assertions that it measures. */
  readonly measures: readonly RegExp[]
}

const MATCH_TIME = /p99 (?:match )?time < (\d+) ms/

const LOADS: readonly Load[] = [
  {
    of: /^metrics\./,
    vary: (request, index) => ({ ...request, method: METHODS[index % METHODS.length]! }),
    judge: seriesBounded,
    measures: [/series(?: count)? <= [\w ]*(?:\(e\.g\. [^)]*\))?/],
  },
  {
    of: /^retry\./,
    judge: (_, arrivals) =>
      arrivals <= REQUESTS * RETRY_SHARE_MAX ? [] : [`${REQUESTS} requests became ${arrivals} attempts`],
    measures: [/(?:retries|attempts|amplification)[\w ]* (?:<=|<|at most) ?[\d.]+ ?(?:%|x)?/],
  },
  {
    of: /^jwks?\./,
    vary: unknownKey,
    judge: (_, _arrivals, helped) => (helped <= FETCHES_MAX ? [] : [`keys were fetched ${helped} times`]),
    measures: [/(?:forced )?(?:refresh(?:es)?|fetch(?:es)?) (?:<=|at most) ?[\d/]+ ?s?/],
  },
  {
    of: /^(regex|path|host|header|query|cookie|ratelimit|body|timeout|stream|upstream|authz|hook|cache|framing)\./,
    judge: () => [],
    measures: [],
  },
]

export async function runLoad(one: AttackCase, world: World, keys: Keys): Promise<Outcome> {
  const load = LOADS.find(({ of }) => of.test(one.class))
  if (!load) return notUnderstood(one, [`class: ${one.class}`])
  const stage = stageOf(one)
  if ("notUnderstood" in stage) return notUnderstood(one, [`setup: ${stage.notUnderstood}`])
  await world.apply(documentOf(stage, "binding", (service) => world.origin.urlOf(service)))
  await world.play({ ...stage.script, ...(stage.issuer && { keys: repliesOf(stage.issuer, keys) }) })
  await world.drain()
  const statuses = await pour(one, load, stage, world, keys)
  const arrivals = (await world.drain()).length
  const wrong = [...statuses].filter((status) => !one.expect.status.includes(status))
  const faults = [
    ...wrong.map((status) => `status ${status} instead of ${one.expect.status.join(" or ")}`),
    ...(await load.judge(world, arrivals, world.helped())),
  ]
  const [, limitMs] = MATCH_TIME.exec(one.expect.assert) ?? []
  if (limitMs !== undefined) {
    const evidence = {
      one,
      stage,
      via: "binding",
      sent: one.request,
      results: [],
      arrivals: [],
      tookMs: 0,
      log: [],
      world,
    } as const
    faults.push(...(await quick(evidence, [limitMs])))
  }
  const unknown = unjudgedFigures(
    one,
    [MATCH_TIME, ...load.measures].flatMap((says) => says.exec(one.expect.assert) ?? []),
  )
  if (unknown.length > 0 && faults.length === 0) return notUnderstood(one, unknown)
  if (/not reached/.test(one.expect.upstream) && arrivals > 0) faults.push(`${arrivals} requests reached the upstream`)
  return faults.length > 0 ? failed(one, faults) : passed(one)
}

/** Where all of a request is random there is no route for it. */
function stageOf({ setup }: AttackCase): Stage | { readonly notUnderstood: string } {
  return /^random (?:path|host|method)s?(?:(?:\/|, | and )(?:path|host|method)s?)* per request/i.test(setup)
    ? emptyStage()
    : readSetup(setup, PHRASES)
}

async function pour(
  one: AttackCase,
  { vary = (same) => same }: Load,
  stage: Stage,
  world: World,
  keys: Keys,
): Promise<Set<number>> {
  const statuses = new Set<number>()
  let left = REQUESTS
  const worker = async () => {
    while (left-- > 0) {
      const filled = fill(vary(one.request, left), stage.facts.tokens ?? false, keys, Math.floor(Date.now() / 1000))
      if (!Array.isArray(filled)) throw new Error(`not understood: ${filled.notUnderstood}`)
      statuses.add(answerOf(await send(world.ingressPort, bytesOf(filled[0]!), filled[0]!.method)).status)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return statuses
}

function unknownKey(request: AttackRequest, index: number): AttackRequest {
  const others = request.headers.filter(([name]) => !/^authorization$/i.test(name))
  return { ...request, headers: [...others, ["Authorization", `Bearer {kid:'unknown-${index}'}`]] }
}

async function seriesBounded(world: World): Promise<string[]> {
  await new Promise((resolve) => setTimeout(resolve, REPORT_MS))
  await send(world.ingressPort, bytesOf({ method: "GET", rawPath: "/", headers: [["Host", "wake.test"]], body: null }))
  await new Promise((resolve) => setTimeout(resolve, REPORT_MS / 2))
  const response = await fetch(`${world.controlUrl}/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  const random = lines.filter((line) => /[0-9a-f]{12}\b(?!.*isolate)/.test(line.replace(/isolate="[^"]*"/, "")))
  return [
    ...(lines.length === 0 ? ["there are no metrics"] : []),
    ...(lines.length > SERIES_MAX ? [`there are ${lines.length} series`] : []),
    ...random.slice(0, 1).map((line) => `a series holds what a request asked for: ${line.slice(0, 100)}`),
  ]
}
