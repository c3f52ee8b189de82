/** Phrases about access policies: who is kept from what. */
import type { AttackRequest } from "#attacks/case.ts"
import { addRules, forwarding, type Stage } from "#attacks/stage.ts"
import type { AccessPolicyDocument, PolicyRuleDocument } from "#shared/model/access-document.ts"
import { both, type Condition, type Likeness, negated, prepare, readCondition } from "./conditions.ts"
import { type Phrase, phrase } from "./grammar.ts"
import { issued } from "./tokens.ts"

const APP = "app.test"
const NOBODY = [{ notPrincipals: ["*"] }]

export const POLICIES: readonly Phrase[] = [
  phrase(/policy: deny paths \[([^\]]*)\] unless JWT(?:; everything else allow)?/, (stage, [list]) => {
    issued(stage, { required: false })
    guarded(stage, list!.split(/,\s*/))
    policy(stage, "deny", { to: [{ paths: list!.split(/,\s*/) }], from: NOBODY })
    served(stage, {})
  }),
  phrase(/policy on host (\S+): deny (\/[^\s.]*)/, (stage, [host, path]) => {
    guarded(stage, [path!])
    policy(stage, "deny", { to: [{ hosts: [host!], paths: [{ prefix: path! }] }] })
    served(stage, { host: host!.replaceAll("*", "x") })
  }),
  // Whoever reaches the service by another route, rewritten or not, needs a token there as well.
  phrase(/route [A-Z] (\/\S+) -> (?:the )?same \w+ with JWT/, (stage, [path]) => {
    addRules(stage, APP, forwarding(path!))
    behind(stage, path!, { services: ["upstream"] })
  }),
  phrase(/(?:policy )?deny (\/[^\s,;]*) on the rewritten path/, (stage, [path]) => {
    guarded(stage, [path!])
    policy(stage, "deny", { to: [{ paths: [{ prefix: path! }] }] }, { services: ["upstream"] })
  }),
  phrase(/with auth on (\/\S+)\/\*/, (stage, [path]) => behind(stage, path!)),
  // Who talks to the edge is the client, and nobody else has a word: that is how a gateway stands that says nothing.
  phrase(/trusted hop count = 1; client address from the platform \([^)]*\)/, () => {}),
  phrase(/IP allow-?list ([\d./:a-f]+)/, (stage, [network]) => {
    policy(stage, "allow", { from: [{ ipBlocks: [network!.replace(/\.$/, "")] }] })
  }),
  phrase(/IP (?:deny|block)-?list ([\d./:a-f]+)/, (stage, [network]) => {
    policy(stage, "deny", { from: [{ ipBlocks: [network!.replace(/\.$/, "")] }] })
  }),
  phrase(/(?:mesh |namespace )?default[- ]deny(?: namespace| mesh)?(?=[,;.]|$)/, closed),
  phrase(/audit(?: only)? policy/, (stage) => {
    stage.more.policies = { ...stage.more.policies, told: { gateways: ["default"], action: "audit", rules: [{}] } }
  }),
  phrase(/default deny \+ one deny rule/, (stage) => {
    closed(stage)
    policy(stage, "deny", { to: [{ paths: [{ prefix: "/other" }] }] })
  }),
  phrase(/(?:and |\+ )?dry[- ]run (allow|deny)(?: policy)?/, (stage, [action]) => {
    const tried = {
      gateways: ["default"],
      action: action!.toLowerCase() as "allow" | "deny",
      dryRun: true as const,
      rules: [{}],
    }
    stage.more.policies = { ...stage.more.policies, tried }
  }),
  phrase(/default allow/, () => {}),
  phrase(/(?:and |\+ )?(?:with )?no (?:policies|policy|rules)(?: at all)?/, () => {}),
  phrase(/\+ |and /, () => {}),
  phrase(/default deny(?:[,;]? (?:and )?(?:no rules|nothing else|no policy))?/, closed),
  phrase(
    /(?:an )?(?:allow policy|policy allow|allow) (?:with )?(?:empty|no|without|zero) rules?(?: list)?/,
    (stage) => {
      stage.more.policies = { ...stage.more.policies, empty: { gateways: ["default"], action: "allow", rules: [] } }
    },
  ),
  phrase(/(?:two |three )?policies: /, () => {}),
  phrase(/require (?=\w)/, (stage, _, rest) => required(stage, rest)),
  phrase(/(?:policy:? )?(allow|deny)(?: policy)?:? (?:only )?(?:if |when |for )?/, (stage, [action], rest) => {
    return conditional(stage, action!.toLowerCase() as "allow" | "deny", rest)
  }),
  phrase(/,? ?(?:with )?failure mode allow|,? ?(?:external authz )?fails open/, failsOpen),
  phrase(/external authz (?:times out|hangs|never answers|is slow)/, (stage) => authorizer(stage, ANSWERS.hanging)),
  phrase(/external authz (?:response|answers|body|returns) (?:of |with )?(?:a body of )?[\d,]+ [KMG]i?B/, (stage) =>
    authorizer(stage, ANSWERS.huge),
  ),
  phrase(/external authz (?:is )?(?:down|unreachable|fails|connection refused|refuses connections|throws)/, (stage) =>
    authorizer(stage, ANSWERS.gone),
  ),
  phrase(
    /external authz (?:returns |answers |responds )?(?:with )?(\d{3})(?: (?:with|\+|and) ([\w-]+): (\S+))?/,
    (stage, words) => authorizer(stage, answering(words)),
  ),
  phrase(/(?:with|and|\+) (?:a )?(?:body of )?([\d,]+) ?([KMG]i?B)(?: body)?/, (stage) =>
    authorizer(stage, ANSWERS.huge),
  ),
  phrase(/to (https?:\/\/\S+)/, (stage, [location]) =>
    authorizer(stage, { status: 302, headers: [["location", location!]], body: "" }),
  ),
  phrase(
    /(?:with|and|\+) (?:a )?(set-cookie|location|www-authenticate|x-[\w-]+)(?: header)?(?:: (\S+))?/,
    (stage, [name, value]) =>
      authorizer(stage, { status: 403, headers: [[name!.toLowerCase(), value || "a=1"]], body: "" }),
  ),
  phrase(
    /external authz (?:returns|answers|responds)(?: with)? (?:an? )?(?:invalid|malformed|garbage)(?: \w+)?/,
    (stage) => authorizer(stage, ANSWERS.gone),
  ),
]

/** A condition, and what holds for all others, which is what a policy of its kind means anyway. */
function conditional(stage: Stage, action: "allow" | "deny", text: string): string | false {
  const read = readCondition(text)
  if (!read) return false
  const { condition, rest } = unless(read.condition, read.rest)
  prepare(stage, condition)
  policy(stage, action, condition.rule)
  if (action === "deny") guarded(stage, condition.paths ?? [])
  const like = action === "deny" ? condition.unmet : condition.met
  // Where no request from outside is like that, none has to be served.
  if (like) served(stage, like)
  else unserved(stage)
  return rest.replace(/^[;,.]? (?:else|everything else|otherwise|default) (?:allow|deny)/i, "")
}

/** "… unless JWT", "… unless header X is y": whom the rule is not about. */
function unless(condition: Condition, text: string): { readonly condition: Condition; readonly rest: string } {
  const word = /^ (?:unless|except(?: for| with)?|without) (?=\S)/i.exec(text)
  if (!word) return { condition, rest: text }
  const after = text.slice(word[0].length)
  const proven = /^(?:an? )?(?:valid )?(?:JWT|tokens?|authenticated|signed in)(?: (?:is )?present)?/i.exec(after)
  if (proven) {
    const nobody: Condition = { rule: { from: NOBODY }, met: {}, unmet: {}, byToken: true }
    const joint = both(condition, nobody)
    return {
      condition: { ...joint, unmet: condition.unmet, paths: condition.paths ?? [] },
      rest: after.slice(proven[0].length),
    }
  }
  const exception = readCondition(after)
  const rule = exception && negated(exception.condition.rule)
  if (!rule) throw new Error(`whom is that not about: ${after}`)
  const { met, unmet, byToken } = exception.condition
  const joint = both(condition, { rule, met: unmet, unmet: met, byToken })
  return { condition: { ...joint, unmet: condition.unmet }, rest: exception.rest }
}

function unserved(stage: Stage): void {
  const { benign: _, ...facts } = stage.facts
  stage.facts = facts
}

/** One thing more that the policy before asks for. */
function required(stage: Stage, text: string): string | false {
  const read = readCondition(text)
  const [name, last] = Object.entries(stage.more.policies ?? {}).at(-1) ?? []
  const rule = last?.rules?.[0]
  if (!read || name === undefined || !last || !rule || last.action !== "allow") return false
  prepare(stage, read.condition)
  const joint = both({ rule }, read.condition)
  stage.more.policies = { ...stage.more.policies, [name]: { ...last, rules: [joint.rule] } }
  unserved(stage)
  return read.rest
}

/** A path and all below it, for who has a token. */
function behind(stage: Stage, path: string, target?: Pick<AccessPolicyDocument, "services">): void {
  issued(stage, { required: false })
  guarded(stage, [path])
  policy(stage, "deny", { to: [{ paths: [{ prefix: path }] }], from: NOBODY }, target)
  served(stage, { rawPath: path, headers: [["Authorization", "Bearer <valid>"]] })
}

function guarded(stage: Stage, paths: readonly string[]): void {
  const below = paths.map((path) => path.replace(/\/?\*$/, ""))
  stage.facts = { ...stage.facts, guarded: [...new Set([...(stage.facts.guarded ?? []), ...below])] }
}

/** Of several policies each has a say in what must be served; what only the last one says may not be enough. */
function served(stage: Stage, { host = APP, rawPath = "/public", method = "GET", headers = [] }: Likeness): void {
  const others: Partial<AttackRequest> = stage.facts.benign ?? {}
  const isFirst = Object.keys(stage.more.policies ?? {}).length <= 1
  const benign: Partial<AttackRequest> = { method, rawPath, headers: [["Host", host], ...headers], body: null }
  const { benign: _, ...facts } = stage.facts
  stage.facts = isFirst || others.rawPath === benign.rawPath ? { ...facts, benign } : facts
}

function policy(
  stage: Stage,
  action: "allow" | "deny",
  rule: PolicyRuleDocument,
  target: Pick<AccessPolicyDocument, "services" | "gateways"> = { gateways: ["default"] },
): void {
  const policies = stage.more.policies ?? {}
  stage.more.policies = { ...policies, [`p${Object.keys(policies).length}`]: { ...target, action, rules: [rule] } }
}

function closed(stage: Stage): void {
  stage.more.policies = { ...stage.more.policies, closed: { gateways: ["default"], default: "deny" } }
}

const ANSWERS = {
  hanging: { status: 200, headers: [], body: "", hangs: true },
  gone: { status: 500, headers: [], body: "", fails: true },
  huge: { status: 403, headers: [["content-type", "text/plain"]], body: "x".repeat(8 * 1024 * 1024) },
} as const

type Answer = NonNullable<Stage["script"][string]>[string]

function answering([status, name, value]: readonly string[]): Answer {
  const location = /^3/.test(status!) ? [["location", "https://login.test/"] as const] : []
  const named = name === "" ? [] : [[name!.toLowerCase(), value!] as const]
  return { status: Number(status), headers: [...location, ...named], body: "" }
}

function authorizer(stage: Stage, answer: Answer): void {
  const told = answer.headers.map(([name]) => name).filter((name) => /^x-/.test(name))
  const asked = {
    gateways: ["default"],
    action: "custom" as const,
    authorizer: { service: "hook", timeout: "1s", ...(told.length > 0 && { upstreamHeaders: told }) },
    rules: [{}],
  }
  stage.more.policies = { ...stage.more.policies, asked }
  stage.script = { ...stage.script, hook: { "*": answer } }
}

function failsOpen(stage: Stage): void {
  if (!stage.more.policies?.asked) authorizer(stage, ANSWERS.gone)
  const asked = stage.more.policies!.asked!
  asked.authorizer = { ...asked.authorizer!, whenUnavailable: "allow" }
}
