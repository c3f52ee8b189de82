/** Cases of the kind `config`: what must not become the mesh's configuration, at control and, past it, at a proxy. */
import type { AttackCase } from "#attacks/case.ts"
import { documentText } from "#attacks/foreign.ts"
import { unjudgedFigures } from "#attacks/judge/figures.ts"
import { failed, notUnderstood, type Outcome, passed } from "#attacks/outcome.ts"
import { addRules, documentOf, emptyStage, forwarding } from "#attacks/stage.ts"
import { valuesOf } from "#attacks/upstream.ts"
import { answerOf, bytesOf, send } from "#attacks/wire.ts"
import type { World } from "#attacks/world.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { decode } from "#shared/model/snapshot-codec.ts"
import { applying, contentOf, isJson, REFUSED, sendToControl } from "./control.ts"
import { runCli } from "./terminal.ts"
import { bomb } from "./yaml.ts"

/** What a case wants applied: documents as JSON texts, each by itself, or one as YAML. */
interface Wanted {
  readonly documents: readonly string[]
  readonly yaml?: string
  readonly prune?: boolean
  /** What of an assertion it goes up to by itself. */
  readonly measures?: RegExp
}

const GET: { readonly method: string; readonly rawPath: string; readonly body: null } = {
  method: "GET",
  rawPath: "/x",
  body: null,
}

export async function runConfig(one: AttackCase, world: World): Promise<Outcome> {
  const stage = emptyStage()
  addRules(stage, "app.test", forwarding("/"))
  await world.apply(documentOf(stage, "binding", (service) => world.origin.urlOf(service)))
  if (
    /(?:policy|authentication|authz|provider) (?:references|names|needs) an? (?:missing|unknown|absent|deleted)/i.test(
      one.setup,
    )
  )
    return unresolvable(one, world)
  const wanted = wantedBy(one)
  if (!wanted) return notUnderstood(one, [`${one.setup}: ${one.request.body ?? "nothing"}`])
  const faults = wanted.yaml === undefined ? [] : await judgeYaml(wanted.yaml, world)
  for (const document of wanted.documents)
    faults.push(...(await judgeApply(one, document, wanted.prune ?? false, world)))
  if (/NACK|proxy/i.test(one.expect.assert)) faults.push(...judgeProxy())
  const unknown = unjudgedFigures(one, wanted.measures ? (wanted.measures.exec(one.expect.assert) ?? []) : [])
  if (unknown.length > 0 && faults.length === 0) return notUnderstood(one, unknown)
  return faults.length > 0 ? failed(one, faults) : passed(one)
}

/** Every configuration that a case speaks of; undefined when nobody understands it. */
function wantedBy({ setup, request, class: of }: AttackCase): Wanted | undefined {
  const regexes = /route regex (.+)$/i.exec(setup)?.[1]?.split(" or ")
  if (regexes) return { documents: regexes.map(withRegex) }
  const [, chars] = /regex of ([\d,]+) chars/i.exec(setup) ?? []
  if (chars) return { documents: [withRegex("a".repeat(Number(chars.replaceAll(",", ""))))] }
  const body = request.body ?? ""
  const [, levels, aliases] = /^YAML with (\d+) levels? of (\d+) aliases/i.exec(body) ?? []
  if (levels)
    return {
      documents: [],
      yaml: bomb(Number(levels), Number(aliases)),
      measures: /alias\w*(?: expansion)? (?:cap|limit)(?: of)? [\d,]+/,
    }
  if (/^YAML with (?:a )?(?:recursive|cyclic|self-referencing) alias/i.test(body))
    return { documents: [], yaml: "services: &a [*a]\n" }
  if (/^YAML with (?:a )?merge keys?/i.test(body))
    return { documents: [], yaml: "services:\n  a: &a { url: https://a.example }\n  b: { <<: *a }\n" }
  const [, count] = /^YAML with ([\d,]+) documents/i.exec(body) ?? []
  if (count) return { documents: [], yaml: "---\nservices: {}\n".repeat(Number(count.replaceAll(",", ""))) }
  const [, tag] = /^YAML .*?(!!?[\w/:.]+)/i.exec(body) ?? []
  if (tag) return { documents: [], yaml: `services: ${tag} {}\n` }
  const [, segments] = /^dot path ".*\(([\d,]+)\)"/i.exec(body) ?? []
  if (segments) return { documents: [JSON.stringify({ ["a.".repeat(Number(segments.replaceAll(",", "")))]: {} })] }
  const [, depth] = /([\d,]+) (?:nested|levels|deep)/i.exec(body.startsWith("{") ? "" : body) ?? []
  if (depth) return { documents: ["[".repeat(Number(depth.replaceAll(",", "")))] }
  const [, mib] = /^<?(\d+) ?MiB?/i.exec(body) ?? []
  if (mib) return { documents: [JSON.stringify({ services: { a: { url: "x".repeat(Number(mib) * 1024 * 1024) } } })] }
  if (!/^([[{"]|null$|true$|false$|-?\d)/.test(body)) return undefined
  // What is no JSON is no document either.
  if (!isJson(body)) return { documents: [body] }
  return { documents: [documentText(body)], prune: of === "config.empty" }
}

function withRegex(regex: string): string {
  const rule = { match: { path: { regex } }, backends: [{ service: "upstream" }] }
  return JSON.stringify({ routes: { r: { hosts: ["app.test"], rules: [rule] } } })
}

const SLOW_MS = 5_000

async function judgeApply(one: AttackCase, document: string, prune: boolean, world: World): Promise<string[]> {
  const before = await contentOf(world)
  const startedAtMs = performance.now()
  const answer = await sendToControl(
    world,
    applying([prune && document === '{"routes":{}}' ? "{}" : document], { prune }),
  )
  const tookMs = performance.now() - startedAtMs
  const after = await contentOf(world)
  // What is too large is not read at all.
  if (answer.status === 413 && document.length > LIMITS.documentBytesMax)
    return before === after ? [] : ["it was applied"]
  const slow = tookMs > SLOW_MS ? [`it took ${Math.round(tookMs)} ms`] : []
  if (answer.status === 200 && one.expect.status.includes(200))
    return [
      ...slow,
      ...(/"setHeader"/.test(one.request.body ?? "") ? await judgeApplied(one.request.body ?? "", world) : []),
    ]
  return [
    ...slow,
    ...(REFUSED.includes(answer.status) ? [] : [`status ${answer.status} instead of ${REFUSED.join(" or ")}`]),
    ...(/"problems"|"confirm"/.test(answer.body) ? [] : ["the answer does not say what is wrong"]),
    ...(before === after ? [] : ["the mesh holds something else than before"]),
  ]
}

/** What was taken is data: a header's value arrives as it was written. */
async function judgeApplied(body: string, world: World): Promise<string[]> {
  await world.settled()
  await world.drain()
  await send(world.ingressPort, bytesOf({ ...GET, headers: [["Host", "app.test"]] }))
  const arrivals = await world.drain()
  const { setHeader } = JSON.parse(body) as { setHeader: Record<string, string> }
  return Object.entries(setHeader).flatMap(([name, written]) => {
    const values = arrivals.flatMap(({ headers }) => valuesOf(headers, name))
    if (values.length === 0) return [`the header ${name} that was configured did not arrive`]
    return values.filter((value) => value !== written).map((value) => `an expression was evaluated: ${value}`)
  })
}

/** YAML is for people who type: the CLI reads it, within bounds, and no Worker does. */
async function judgeYaml(yaml: string, world: World): Promise<string[]> {
  const startedAtMs = performance.now()
  const cli = await runCli(["check", "-f", "-"], { stdin: yaml, url: world.controlUrl })
  const tookMs = performance.now() - startedAtMs
  const asYaml = applying([])
  const headers = asYaml.headers.map(
    ([name, value]) => [name, name === "Content-Type" ? "application/yaml" : value] as const,
  )
  const [posted, disguised] = [
    await sendToControl(world, { ...asYaml, headers, body: yaml }),
    await sendToControl(world, { ...asYaml, body: yaml }),
  ]
  return [
    ...(cli.exit === 1 ? [] : [`the CLI ends with ${cli.exit}: ${cli.out}${cli.err}`]),
    ...(tookMs > SLOW_MS ? [`the CLI took ${Math.round(tookMs)} ms`] : []),
    ...(posted.status === 415 ? [] : [`control answers YAML with ${posted.status}`]),
    ...(disguised.status === 400 ? [] : [`control answers YAML that says to be JSON with ${disguised.status}`]),
  ]
}

/** What reaches a proxy past control's checks is refused with a reason: it keeps what it has. */
function judgeProxy(): string[] {
  const policy = { id: "default/p", target: { of: "mesh" }, rules: [] }
  const route = { id: "default/r", attachments: [], order: "specific", since: 1, rules: [] }
  const empty = { services: [], gateways: [], routes: [] }
  const poisoned = {
    "a format of the future": { ...empty, format: 99 },
    "no format": { ...empty, format: null },
    "a list that is null": { ...empty, format: 1, routes: null },
    "a rule that is null": { ...empty, format: 1, routes: [{ ...route, rules: [null] }] },
    "a timeout that is null": { ...empty, format: 1, routes: [{ ...route, since: null }] },
    "an unknown action": { ...empty, format: 2, policies: [{ ...policy, action: "execute" }] },
  }
  return Object.entries(poisoned).flatMap(([what, snapshot]) => {
    try {
      return "reason" in decode(JSON.stringify(snapshot)) ? [] : [`a proxy takes ${what}`]
    } catch {
      return [`a proxy throws on ${what}`]
    }
  })
}

/** What leads nowhere is refused; and where something goes missing afterwards, nobody gets past. */
async function unresolvable(one: AttackCase, world: World): Promise<Outcome> {
  const jwt = { issuer: "https://iss.test", audiences: ["api"], jwks: { service: "ghost" } }
  const dangling = JSON.stringify({ authentication: { a: { gateways: ["default"], jwt: [jwt] } } })
  const faults = await judgeApply(one, dangling, false, world)
  // The service is there, and the proxy has no binding to it.
  const asked = {
    gateways: ["default"],
    action: "custom",
    authorizer: { service: "ghost", timeout: "1s" },
    rules: [{}],
  }
  const unbound = JSON.stringify({ services: { ghost: {} }, policies: { asked } })
  const applied = await sendToControl(world, applying([unbound]))
  if (applied.status !== 200) faults.push(`a policy whose authorizer has no binding is answered ${applied.status}`)
  await world.settled()
  await world.drain()
  const { status } = answerOf(await send(world.ingressPort, bytesOf({ ...GET, headers: [["Host", "app.test"]] })))
  if (!one.expect.status.includes(status)) faults.push(`status ${status} instead of ${one.expect.status.join(" or ")}`)
  faults.push(...(await world.drain()).map(({ target }) => `the upstream received ${target}`))
  return faults.length > 0 ? failed(one, faults) : passed(one)
}
