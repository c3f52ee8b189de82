/** Phrases about what the mesh does to requests and answers on their way, and what it must not do. */
import { addRules, changeRules, forwarding, type Stage } from "#attacks/stage.ts"
import type { FilterDocument } from "#shared/model/document.ts"
import { type Phrase, phrase } from "./grammar.ts"

const APP = "app.test"
/** A mirror's share is small in some setups: so many requests show it all the same. */
const SENDS_FOR_A_MIRROR = 500
const UNITS: Readonly<Record<string, number>> = { kb: 1_000, kib: 1_024, mb: 1_000_000, mib: 1_048_576 }

export const REQUESTS: readonly Phrase[] = [
  phrase(/route sets header ([\w-]+): (\S+) \(overwrite\)/, (stage, [name, value]) =>
    filtered(stage, { requestHeaders: { set: { [name!]: value! } } }),
  ),
  phrase(/route adds header ([\w-]+): (\S+)/, (stage, [name, value]) =>
    filtered(stage, { requestHeaders: { add: { [name!]: value! } } }),
  ),
  phrase(/x-mesh-\* headers are internal control headers/, () => {}),
  phrase(/headers copied into a plain object for [\w/]+/, () => {}),
  phrase(/session cookie (\S+)/, (stage, [cookie]) => {
    const backends = [{ service: "a" }, { service: "b" }]
    addRules(stage, APP, { match: { path: "/" }, sticky: { session: { cookie: cookie! } }, backends })
  }),
  phrase(/route redirect: add trailing slash \/ strip prefix \/ https upgrade/, (stage) => {
    addRules(stage, APP, { match: { path: "/" }, filters: [{ redirect: { scheme: "https", status: 308 } }] })
  }),
  phrase(/(?:route )?redirects? (?:template )?\{path\}/, (stage) => {
    const match = { path: { template: "/{path=**}" } }
    addRules(stage, APP, { match, filters: [{ redirect: { path: { template: "/moved/{path}" }, status: 302 } }] })
  }),
  phrase(/internal redirects/, (stage) => {
    stage.script = { "*": { "*": { status: 302, headers: [["location", "/loop"]], body: "" } } }
    stage.argued = "internal-redirects"
  }),
  phrase(/CORS allowOrigins: \[?'\*'\]?,? credentials true/, (stage) => {
    stage.isRefused = true
    cors(stage, ["'*'", "true"])
  }),
  phrase(/CORS allowOrigins: \[?('\*')\]?,? credentials (false)/, cors),
  phrase(/CORS allowOrigins: \[([^\]]*\]?[^\]]*)\],? credentials (true|false)/, cors),
  phrase(/CORS (?:is )?(?:on|enabled)/, (stage) => cors(stage, ["'https://app.example.com'", "false"])),
  phrase(/route mirrors ([\d.]+) ?% to \w+/, (stage, [percent]) => {
    filtered(stage, { mirror: { service: "shadow", percent: Number(percent) } })
    stage.facts = { ...stage.facts, sends: SENDS_FOR_A_MIRROR }
  }),
  // The mesh has no cache: what can be held against one must not happen without one either.
  phrase(/route cache on, key = [^;]*?(?:for \*\.\w+)?(?:; (\/\w+) private|$)/, (stage, [path]) => {
    stage.facts = { ...stage.facts, sends: 2 }
    if (path === "") return
    stage.script = { "*": { "*": { status: 200, headers: [["cache-control", "private, no-store"]], body: "mine" } } }
  }),
  phrase(
    /(?:route )?retr(?:y|ies)(?: on)?(?: 5xx)?:? (?:max )?(\d+)(?: times| attempts)?(?:, (?:budget|body replay cap) [^,;.]*)*/,
    (stage, [attempts]) => {
      const retry = { attempts: Number(attempts), on: ["5xx" as const], backoff: "5ms" }
      if (Object.keys(stage.routes).length > 0) return changeRules(stage, (rule) => ({ ...rule, retry }))
      addRules(stage, APP, { ...forwarding("/"), retry })
      if (Object.keys(stage.script).length > 0) return
      stage.script = {
        "*": {
          "/partial": { status: 200, headers: [], body: "the first half", cut: true },
          "*": { status: 502, headers: [], body: "failed on purpose" },
        },
      }
    },
  ),
  phrase(/rate limit (?:by|per|key) (?:header )?([\w-]+(?: (?:IP|address|key))?)/, (stage, [key]) => {
    const rateLimits = [{ requests: 3, per: "1m", key: [limitKey(key!)], scope: "isolate" as const }]
    addRules(stage, APP, { ...forwarding("/"), rateLimits })
    stage.facts = { ...stage.facts, sends: 8 }
  }),
  phrase(
    /(?:route |max(?:imum)? )?(?:request )?body (?:size )?(?:limit )?(?:of |is |= )?([\d,]+) ?(bytes|[KM]i?B)/,
    (stage, [count, unit]) =>
      filtered(stage, {
        limits: { bodyBytes: Number(count!.replaceAll(",", "")) * (UNITS[unit!.toLowerCase()] ?? 1) },
      }),
  ),
  phrase(/(?:5xx )?error[- ]page (?:from|of|by) \w+(?: \w+)?/, (stage) => {
    stage.script = { upstream: { "*": { status: 503, headers: [], body: "failed on purpose" } } }
    stage.argued = "no-error-pages"
  }),
  phrase(/JSON body (?:transform|validation)(?: enabled| on)?/, (stage) => {
    stage.argued = "no-transforms"
  }),
  phrase(/dashboard logout/, (stage) => {
    stage.door = "control"
    stage.argued = "no-sessions"
  }),
  phrase(/dashboard(?: ws with cookie auth| with cookie (?:auth|session))?/, (stage) => {
    stage.door = "control"
  }),
  phrase(/access log(?: JSON)?|debug logging on|trace view|20 KiB path recorded in a stat name/, () => {}),
]

function limitKey(said: string): string {
  if (/^(client )?(ip|address)$/i.test(said) || /^(client|remote)/i.test(said)) return "ip"
  return /^(api )?key$/i.test(said) ? "key" : `header:${said.toLowerCase()}`
}

function filtered(stage: Stage, filter: FilterDocument): void {
  if (Object.keys(stage.routes).length === 0) addRules(stage, APP, forwarding("/"))
  changeRules(stage, (rule) => ({ ...rule, filters: [...(rule.filters ?? []), filter] }))
}

/** Origins as the mesh writes them: a host's wildcard stands in the place of an expression for one. */
function cors(stage: Stage, [list, credentials]: readonly string[]): void {
  const origins = [...list!.matchAll(/(regex )?'([^']*)'/g)].map(([, regex, text]) =>
    regex ? text!.replace(/\[a-z\]\+\\\./, "*.").replaceAll("\\.", ".") : text!,
  )
  filtered(stage, { cors: { origins, credentials: credentials === "true" } })
}
