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
  phrase(/CORS allowOrigins:? \[?'\*'\]?,? (?:with )?credentials(?: true)?(?! ?false)/, (stage) => {
    stage.isRefused = true
    cors(stage, ["'*'", "true"])
  }),
  phrase(/CORS allowOrigins:? \[?('\*')\]?,? (?:without )?credentials ?(false)?/, cors),
  phrase(
    /CORS allowOrigins:? \[((?:regex )?'(?:[^']*)'(?:, (?:regex )?'[^']*')*)\],? (?:with )?credentials ?(true|false)?/,
    (stage, [list, credentials]) => cors(stage, [list!, credentials || "true"]),
  ),
  phrase(
    /CORS allowOrigins:? \[((?:regex )?'(?:[^']*)'(?:, (?:regex )?'[^']*')*)\](?: without credentials)?/,
    (stage, [list]) => cors(stage, [list!, "false"]),
  ),
  phrase(/no CORS(?: configured)?|CORS (?:is )?(?:off|not configured)/, () => {}),
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
    /(?:route )?retr(?:y|ies)(?: on)?(?: (5xx|connect[- ]failure|gateway[- ]error|reset))?[:,]? (?:max )?(\d+)(?: times| attempts| retries)?(?:, (?:budget|body replay cap) [^,;.]*)*/,
    (stage, [on, attempts]) => {
      const condition = /^c/i.test(on!)
        ? "connect-failure"
        : /^g/i.test(on!)
          ? "gateway-error"
          : /^r/i.test(on!)
            ? "reset"
            : "5xx"
      const retry = { attempts: Number(attempts), on: [condition as "5xx"], backoff: "5ms" }
      stage.facts = { ...stage.facts, attempts: Number(attempts) + 1 }
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
  phrase(
    /access log(?: JSON)?|debug logging on|(?:trace|topology) (?:view|dashboard)|trac(?:e|ing) sampling \d+ ?%|tracing on|\d+ KiB path recorded in a stat name/,
    () => {},
  ),
]

/** What happens on every route. */
export function filtered(stage: Stage, filter: FilterDocument): void {
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
