/** Phrases about access policies: who is kept from what. */
import type { AttackRequest } from "#attacks/case.ts"
import { addRules, forwarding, type Stage } from "#attacks/stage.ts"
import type { AccessPolicyDocument, PolicyRuleDocument } from "#shared/model/access-document.ts"
import { type Phrase, phrase } from "./grammar.ts"
import { issued } from "./tokens.ts"

const APP = "app.test"
const NOBODY = [{ notPrincipals: ["*"] }]
const PUBLIC: Partial<AttackRequest> = { method: "GET", rawPath: "/public", headers: [["Host", APP]], body: null }

export const POLICIES: readonly Phrase[] = [
  phrase(/policy: deny paths \[([^\]]*)\] unless JWT(?:; everything else allow)?/, (stage, [list]) => {
    issued(stage, { required: false })
    guarded(stage, list!.split(/,\s*/))
    policy(stage, "deny", { to: [{ paths: list!.split(/,\s*/) }], from: NOBODY })
    served(stage, PUBLIC)
  }),
  phrase(/policy on host (\S+): deny (\/[^\s.]*)/, (stage, [host, path]) => {
    guarded(stage, [path!])
    policy(stage, "deny", { to: [{ hosts: [host!], paths: [{ prefix: path! }] }] })
    served(stage, PUBLIC)
  }),
  phrase(/route [A-Z] (\/\S+) -> (?:the )?same \w+ with JWT/, (stage, [path]) => {
    issued(stage, { required: false })
    addRules(stage, APP, forwarding(path!))
    behind(stage, path!)
  }),
  phrase(/policy deny (\/\S*) on the rewritten path/, (stage, [path]) => {
    guarded(stage, [path!])
    policy(stage, "deny", { to: [{ paths: [{ prefix: path! }] }] }, { services: ["upstream"] })
  }),
  phrase(/with auth on (\/\S+)\/\*/, (stage, [path]) => {
    issued(stage, { required: false })
    behind(stage, path!)
  }),
  phrase(/(?:policy )?deny when header ([\w-]+) exactly '([^']*)'(?:; else allow)?/, (stage, [name, value]) => {
    denyHeader(stage, name!, value!)
  }),
  phrase(/(?:policy )?deny if (?:header )?([\w-]+) ==? '?([\w-]+)'?/, (stage, [name, value]) => {
    denyHeader(stage, name!, value!)
  }),
  phrase(/allow if header ([\w-]+) not in \[([^\]]*)\]/, (stage, [name, list]) => {
    policy(stage, "allow", { when: [{ key: keyOf(name!), notValues: list!.split(/,\s*/) }] })
    served(stage, {
      ...PUBLIC,
      headers: [
        ["Host", APP],
        [name!, "somebody-else"],
      ],
    })
  }),
  phrase(/allow if header ([\w-]+) present/, (stage, [name]) => {
    // Present, absent and empty are three: a value that is there and is not empty is asked for so.
    policy(stage, "allow", { when: [{ key: keyOf(name!), values: ["*"], notValues: [""] }] })
    served(stage, {
      ...PUBLIC,
      headers: [
        ["Host", APP],
        [name!, "x"],
      ],
    })
  }),
  phrase(/deny if principal not in \[([^\]]*)\]/, (stage, [list]) => {
    issued(stage, { required: false })
    policy(stage, "deny", { from: [{ notPrincipals: list!.split(/,\s*/).map((name) => `https://iss.test/${name}`) }] })
    served(stage, {
      ...PUBLIC,
      headers: [
        ["Host", APP],
        ["Authorization", `Bearer {sub:'${list!.split(",")[0]}'}`],
      ],
    })
  }),
  // Who talks to the edge is the client, and nobody else has a word: that is how a gateway stands that says nothing.
  phrase(/trusted hop count = 1; client address from the platform \([^)]*\)/, () => {}),
  phrase(/IP allow-list ([\d./]+)/, (stage, [network]) => {
    policy(stage, "allow", { from: [{ ipBlocks: [network!.replace(/\.$/, "")] }] })
  }),
  phrase(/default deny \+ one deny rule/, (stage) => {
    stage.more.policies = { ...stage.more.policies, closed: { gateways: ["default"], default: "deny" } }
    policy(stage, "deny", { to: [{ paths: [{ prefix: "/other" }] }] })
  }),
  phrase(/allow path regex '([^']*)'/, (stage, [path]) => {
    // Policies have no expressions: a path is written down, and is the whole of it.
    policy(stage, "allow", { to: [{ paths: [{ exact: path! }] }] })
    served(stage, { ...PUBLIC, rawPath: path! })
  }),
  phrase(/allow claim email domain ([\w.-]+\w)/, (stage, [domain]) => {
    issued(stage, { required: false })
    policy(stage, "allow", { from: [{ claims: { email: [`*@${domain}`] } }] })
    const token = `Bearer {email:'a@${domain}'}`
    served(stage, {
      ...PUBLIC,
      headers: [
        ["Host", APP],
        ["Authorization", token],
      ],
    })
  }),
  phrase(/external authz (?:times out|hangs|never answers)/, (stage) => authorizer(stage, "hanging")),
  phrase(/external authz (?:response|answers|body) (?:of )?\d+ GiB/, (stage) => authorizer(stage, "huge")),
  phrase(/external authz (?:is )?(?:down|unreachable|fails|returns 5\d\d|answers 5\d\d)/, (stage) =>
    authorizer(stage, "failing"),
  ),
]

function denyHeader(stage: Stage, name: string, value: string): void {
  policy(stage, "deny", { when: [{ key: keyOf(name), values: [value] }] })
  served(stage, {
    ...PUBLIC,
    headers: [
      ["Host", APP],
      [name, `not-${value}`],
    ],
  })
}

/** A path and all below it, for who has a token. */
function behind(stage: Stage, path: string): void {
  guarded(stage, [path])
  policy(stage, "deny", { to: [{ paths: [{ prefix: path }] }], from: NOBODY })
  served(stage, {
    ...PUBLIC,
    rawPath: path,
    headers: [
      ["Host", APP],
      ["Authorization", "Bearer <valid>"],
    ],
  })
}

function keyOf(header: string): string {
  return `request.headers[${header.toLowerCase()}]`
}

function guarded(stage: Stage, paths: readonly string[]): void {
  const below = paths.map((path) => path.replace(/\/?\*$/, ""))
  stage.facts = { ...stage.facts, guarded: [...new Set([...(stage.facts.guarded ?? []), ...below])] }
}

function served(stage: Stage, benign: Partial<AttackRequest>): void {
  stage.facts = { ...stage.facts, benign }
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

const ANSWERS = {
  hanging: { status: 200, headers: [], body: "", hangs: true },
  failing: { status: 500, headers: [], body: "" },
  huge: { status: 403, headers: [["content-type", "text/plain"]], body: "x".repeat(8 * 1024 * 1024) },
} as const

function authorizer(stage: Stage, answer: keyof typeof ANSWERS): void {
  const asked = {
    gateways: ["default"],
    action: "custom" as const,
    authorizer: { service: "hook", timeout: "1s" },
    rules: [{}],
  }
  stage.more.policies = { ...stage.more.policies, asked }
  stage.script = { ...stage.script, hook: { "*": ANSWERS[answer] } }
}
