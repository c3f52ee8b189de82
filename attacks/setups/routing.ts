/** Phrases about routes: which hosts and paths lead where, and how paths are rewritten on the way. */
import { addRules, changeRules, forwarding, type Stage } from "#attacks/stage.ts"
import { type Phrase, phrase } from "./grammar.ts"

const APP = "app.test"
const MANY_ROUTES = 10_000
const RULES_OF_ONE_ROUTE = 250

export const ROUTING: readonly Phrase[] = [
  phrase(/host (\S+): route prefix (\S+) -> \w+/, (stage, [host, path]) => addRules(stage, host!, forwarding(path!))),
  phrase(/plain route (?:[A-Z]+ )?(\/\S*)(?: -> [^.;,]*)?/, (stage) => addRules(stage, APP, forwarding("/"))),
  phrase(/plain(?: route)?/, (stage) => addRules(stage, APP, forwarding("/"))),
  phrase(/route host (\S+) -> (?:\w+)/, (stage, [host]) => addRules(stage, host!, forwarding("/"))),
  // A host that no route names is answered 404 in any case.
  phrase(/default host: 404/, () => {}),
  phrase(/route (\*\.\S+) -> \w+ \(single label\)/, (stage, [host]) => {
    addRules(stage, host!, forwarding("/"))
    stage.argued = "wildcard-labels"
  }),
  phrase(/route (\*\.\S+) -> \w+/, (stage, [host]) => addRules(stage, host!, forwarding("/"))),
  phrase(/connection for (\*\.\S+), request host explicit other/, (stage, [host]) => {
    addRules(stage, `${host!.replace(/,$/, "")}.test`, forwarding("/"))
  }),
  phrase(/(?:(\d+) )?routes? (?:with )?regex (\S+)(?: -> \w+)?/, (stage, [count, regex]) => {
    for (let index = 0; index < Number(count || 1); index++) {
      const path = { regex: index === 0 ? regex! : `${regex}${index}` }
      addRules(stage, APP, { match: { path }, backends: [{ service: "upstream" }] })
    }
  }),
  phrase(/([\d,]+) (?:prefix )?routes/, manyRoutes),
  phrase(/(?:route )?(?:with )?(?:a )?timeouts?:? (?:of )?(\d+) ?(ms|s)/, (stage, [count, unit]) => {
    if (Object.keys(stage.routes).length === 0) addRules(stage, APP, forwarding("/"))
    changeRules(stage, (rule) => ({ ...rule, timeout: `${count}${unit}` }))
  }),
]

function manyRoutes(stage: Stage, [count]: readonly string[]): void {
  const total = Math.min(MANY_ROUTES, Number(count!.replaceAll(",", "")))
  for (let first = 0; first < total; first += RULES_OF_ONE_ROUTE) {
    const rules = Array.from({ length: Math.min(RULES_OF_ONE_ROUTE, total - first) }, (_, index) =>
      forwarding(`/p${first + index}/x`),
    )
    stage.routes[`many-${first}`] = { hosts: [APP], rules }
  }
}
