/** Phrases about what the mesh does with traffic on the way: answers of its own, redirects, made failures, copies, shares, limits. */
import { addRules, changeRules, forwarding, type Stage } from "#attacks/stage.ts"
import type { ServiceName } from "#attacks/world.ts"
import type { RuleDocument } from "#shared/model/document.ts"
import { type Phrase, phrase } from "./grammar.ts"
import { filtered } from "./requests.ts"

const APP = "app.test"
const SENDS_FOR_A_MIRROR = 500
const PERIODS: Readonly<Record<string, string>> = {
  second: "1s",
  sec: "1s",
  s: "1s",
  minute: "1m",
  min: "1m",
  m: "1m",
  hour: "1h",
  h: "1h",
}

export const TRAFFIC: readonly Phrase[] = [
  phrase(/(?:route )?(?:direct|fixed|static) response (?:of |with )?(\d{3})/, (stage, [status]) =>
    answered(stage, { respond: { status: Number(status), body: "fixed" } }),
  ),
  phrase(/(?:route )?redirects? (?:to )?(?:host |https?:\/\/)([\w.-]+\w)/, (stage, [host]) =>
    answered(stage, { redirect: { host: host!, status: 302 } }),
  ),
  phrase(
    /(?:route )?(?:http(?:s)? (?:to|->) https(?: redirect| upgrade)?|redirects? (?:to )?https|https upgrade|https redirect)/,
    (stage) => answered(stage, { redirect: { scheme: "https", status: 308 } }),
  ),
  phrase(/(?:route )?redirects? (?:prefix |path )?(\/[^\s;,]*) (?:->|to) (\/[^\s;,]*)/, (stage, [from, to]) => {
    const filters = [{ redirect: { path: { prefix: to! }, status: 302 as const } }]
    addRules(stage, APP, { match: { path: from! }, filters })
  }),
  phrase(
    /(?:route )?fault(?: injection)?:? (?:of )?(?:an? )?abort(?:s)?(?: of)?(?: ([\d.]+) ?%)?(?: (?:with|by))? (\d{3})/,
    (stage, [percent, status]) =>
      filtered(stage, { fault: { abort: { status: Number(status), percent: Number(percent || 100) } } }),
  ),
  phrase(
    /(?:route )?fault(?: injection)?:? (?:of )?(?:a )?delay(?: of)? (\d+) ?(ms|s)(?: (?:on|for|of) ([\d.]+) ?%)?/,
    (stage, [time, unit, percent]) =>
      filtered(stage, { fault: { delay: { time: `${time}${unit}`, percent: Number(percent || 100) } } }),
  ),
  phrase(/(?:traffic )?mirror(?:s|ed|ing)? ([\d.]+) ?% to (?:the )?\w+/, (stage, [percent]) => {
    filtered(stage, { mirror: { service: "shadow", percent: Number(percent) } })
    stage.facts = { ...stage.facts, sends: Number(percent) === 100 ? 2 : SENDS_FOR_A_MIRROR }
  }),
  phrase(/(?:the )?(?:shadow|mirror) (?:hangs|never answers|is slow|times out)/, (stage) =>
    shadow(stage, { hangs: true }),
  ),
  phrase(/(?:the )?(?:shadow|mirror) (?:is down|fails|is unreachable)/, (stage) => shadow(stage, { fails: true })),
  phrase(/(?:the )?(?:shadow|mirror) (?:answers|returns|sends)(?: with)? ([\d,]+) ?([KM])i?B/, (stage, [count, unit]) =>
    shadow(stage, {
      body: "x".repeat(Number(count!.replaceAll(",", "")) * (unit!.toUpperCase() === "M" ? 1_048_576 : 1_024)),
    }),
  ),
  phrase(/(?:the )?(?:shadow|mirror) (?:answers|returns) (\d{3})/, (stage, [status]) =>
    shadow(stage, { status: Number(status) }),
  ),
  phrase(/(?:route |weights? |split )*(?:to )?a:? (\d+) ?%?(?:,| and|;)? (?:and )?b:? (\d+) ?%?/, (stage, [a, b]) =>
    shared(stage, Number(a), Number(b)),
  ),
  phrase(/(?:traffic )?split (\d+) ?\/ ?(\d+)(?: between a and b)?/, (stage, [a, b]) =>
    shared(stage, Number(a), Number(b)),
  ),
  phrase(/(?:host |route host )?([\w-]+\.test) -> ([ab])\b/, (stage, [host, to]) =>
    addRules(stage, host!, forwarding("/", to!.toLowerCase() as ServiceName)),
  ),
  phrase(/(?:route |prefix )*(\/[^\s,;]*) -> ([ab])\b/, (stage, [path, to]) =>
    addRules(stage, APP, forwarding(path!, to!.toLowerCase() as ServiceName)),
  ),
  phrase(
    /(?:route (?:match(?:es|ed)?|selected|selects)?(?: (?:on|by))? ?)?(header|query|cookie) ([\w-]+)(?:: ?|=| == )([\w.-]*\w) -> ([ab])\b/,
    (stage, words) => {
      const [kind, name, value, to] = words
      const key = kind === "header" ? "headers" : kind === "cookie" ? "cookies" : "query"
      const rule: RuleDocument = {
        match: { path: "/", [key]: { [name!]: value! } },
        backends: [{ service: to!.toLowerCase() }],
      }
      addRules(stage, APP, rule)
      addRules(stage, APP, forwarding("/"))
    },
  ),
  phrase(/(?:route )?(?:removes|strips|drops) (?:the )?(?:request )?header ([\w-]+)/, (stage, [name]) =>
    filtered(stage, { requestHeaders: { remove: [name!] } }),
  ),
  phrase(/(?:route )?(?:removes|strips|drops) (?:the )?response header ([\w-]+)/, (stage, [name]) =>
    filtered(stage, { responseHeaders: { remove: [name!] } }),
  ),
  phrase(/(?:route )?sets response header ([\w-]+): (\S+)/, (stage, [name, value]) =>
    filtered(stage, { responseHeaders: { set: { [name!]: value! } } }),
  ),
  phrase(
    /rate limit (?:of )?(\d+)(?: requests)? ?(?:per|\/) ?(second|sec|minute|min|hour|[smh])\b(?: on (\/\S*\w))?(?: (?:by|per) (?:header )?([\w-]+(?: (?:IP|address|key))?))?/,
    (stage, words) => {
      const [requests, per, path, key] = words
      limited(
        stage,
        { requests: Number(requests), per: PERIODS[per!.toLowerCase()]!, ...(key && { key: [limitKey(key)] }) },
        path || "/",
      )
    },
  ),
  phrase(
    /rate limit (?:by|per|key) (?:header )?([\w-]+(?: (?:IP|address|key))?),? (\d+)(?: requests)? ?(?:per|\/) ?(second|sec|minute|min|hour|[smh])\b/,
    (stage, [key, requests, per]) =>
      limited(stage, { requests: Number(requests), per: PERIODS[per!.toLowerCase()]!, key: [limitKey(key!)] }, "/"),
  ),
  phrase(/rate limit (?:by|per|key) (?:header )?([\w-]+(?: (?:IP|address|key))?)/, (stage, [key]) =>
    limited(stage, { requests: 3, per: "1m", key: [limitKey(key!)] }, "/"),
  ),
  phrase(/(?:an? )?HTTP\/1\.0(?: client| request)?/, (stage) => {
    stage.facts = { ...stage.facts, version: "1.0" }
  }),
  phrase(/(?:WebSocket|gRPC(?:-web)?|SSE|streaming) route(?: (\/\S*\w))?/, (stage) =>
    addRules(stage, APP, forwarding("/")),
  ),
  phrase(/encoded ?slash(?:es)?:? (?:are )?(?:kept|keep|allowed)(?: on this route)?/, (stage) => {
    if (Object.keys(stage.routes).length === 0) addRules(stage, APP, forwarding("/"))
    changeRules(stage, (rule) => ({ ...rule, encodedSlashes: "keep" }))
  }),
  phrase(/(?:wildcard )?route \* -> \w+/, (stage) => {
    stage.routes.anywhere = { rules: [forwarding("/")] }
  }),
]

function answered(stage: Stage, filter: NonNullable<RuleDocument["filters"]>[number]): void {
  addRules(stage, APP, { match: { path: "/" }, filters: [filter] })
}

function shadow(stage: Stage, reply: { status?: number; hangs?: boolean; fails?: boolean; body?: string }): void {
  stage.script = { ...stage.script, shadow: { "*": { status: 200, headers: [], body: "", ...reply } } }
}

function shared(stage: Stage, a: number, b: number): void {
  const backends = [
    { service: "a", weight: a },
    { service: "b", weight: b },
  ]
  addRules(stage, APP, { match: { path: "/" }, backends })
}

/** Twice as many requests as the limit takes, and some. */
function limited(stage: Stage, limit: { requests: number; per: string; key?: string[] }, path: string): void {
  const rateLimits = [{ ...limit, scope: "isolate" as const }]
  if (path !== "/") addRules(stage, APP, { ...forwarding(path), rateLimits }, forwarding("/"))
  else if (Object.keys(stage.routes).length > 0) changeRules(stage, (rule) => ({ ...rule, rateLimits }))
  else addRules(stage, APP, { ...forwarding("/"), rateLimits })
  stage.facts = { ...stage.facts, sends: limit.requests * 2 + 2, limit: limit.requests }
}

function limitKey(said: string): string {
  if (/^(client )?(ip|address)$/i.test(said) || /^(client|remote)/i.test(said)) return "ip"
  if (/^(JWT )?(sub|subject|user)$/i.test(said)) return "claim:sub"
  return /^(api )?key$/i.test(said) ? "key" : `header:${said.toLowerCase()}`
}
