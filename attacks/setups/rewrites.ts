/** Phrases about routes that send a request on by another path than it came by. */
import { addRules, forwarding, type Stage } from "#attacks/stage.ts"
import { type Phrase, phrase } from "./grammar.ts"

const APP = "app.test"

export const REWRITES: readonly Phrase[] = [
  phrase(
    /(?:route )?(?:[A-Z] )?(?:prefix )?(\/\S+?),? strip (?:prefix )?\/\S+(?: -> (?:the same )?\w+)?(?: \(public\))?/,
    (stage, [prefix]) => rewritten(stage, prefix!, "/"),
  ),
  phrase(/strip prefix:? (\/\w\S*\w)(?: -> \w+)?/, (stage, [prefix]) => rewritten(stage, prefix!, "/")),
  phrase(
    /(?:route )?(?:prefix )?(?:rewrite )?(?:prefix )?(\/[^\s,;]*) (?:is )?(?:rewritten to|rewrites to|replaced by|->) (\/[^\s,;]*)/,
    (stage, [from, to]) => {
      rewritten(stage, from!, to!)
      confined(stage, from!, to!.replace(/(?<=.)\/$/, ""))
    },
  ),
  phrase(/route regex \^\/v\[0-9\]\+ strip/, (stage) => {
    const path = { template: "/{version}/{rest=**}" }
    const strip = { rewrite: { path: { template: "/{rest}" } } }
    addRules(stage, APP, { match: { path }, filters: [strip], backends: [{ service: "upstream" }] })
  }),
  phrase(/rewrite \^(\/\S*?)\/\(\.\*\)\$ -> (\/\S*?)\/\$1/, (stage, [from, to]) => {
    rewritten(stage, from!, to!)
    confined(stage, from!, to!)
  }),
  phrase(/(?:route )?template (?:rewrite )?(\/\S+) (?:->|rewritten to|rewrites to) (\/\S+)/, (stage, [from, to]) => {
    const rewrite = { rewrite: { path: { template: to! } } }
    addRules(stage, APP, {
      match: { path: { template: from! } },
      filters: [rewrite],
      backends: [{ service: "upstream" }],
    })
    confined(stage, from!.replace(/\/?\{.*$/, ""), to!.replace(/\/?\{.*$/, ""))
  }),
  phrase(/(?:sub-?router |router )?(?:is )?mount(?:ed)? (?:at )?(\/\S+)/, (stage, [prefix]) => {
    stage.routes.mounted = { rules: [forwarding("/")] }
    addRules(stage, APP, { match: { path: prefix! }, delegate: "mounted" })
  }),
]

function rewritten(stage: Stage, from: string, to: string): void {
  addRules(stage, APP, { ...forwarding(from), filters: [{ rewrite: { path: { prefix: to } } }] })
}

function confined(stage: Stage, from: string, to: string): void {
  if (to !== "" && to !== "/") stage.facts = { ...stage.facts, confinedTo: to, rewritesFrom: from }
}
