/** What in one rule cannot do what it says. */
import { isHopByHop, isReserved } from "#shared/identity/headers.ts"
import type { RetryPolicy } from "#shared/model/policy.ts"
import type { BackendRef, Match, Route, Rule, ValueMatch } from "#shared/model/route.ts"
import { mayRepeat } from "#shared/resilience/retry.ts"
import { simplerPath, simplerValue } from "./simpler.ts"
import { advise, type Sites } from "./site.ts"

export function lintRule(route: Route, rule: Rule, sites: Sites): void {
  lintWeights(rule, sites)
  lintTimes(rule, sites)
  lintRetry(rule, sites)
  lintMirrors(rule, sites)
  for (const [index, match] of rule.matches.entries()) {
    lintExpressions(rule, match, index, sites)
    lintHeaders(route, rule, match, index, sites)
  }
}

function lintWeights({ backends, sticky, ...rule }: Rule, sites: Sites): void {
  const whole = { backends, ...rule } as Rule
  if (backends.length > 0 && backends.every(({ weight }) => weight === 0)) {
    const message = "Every backend has the weight 0: all requests are answered 500"
    sites.atRule(whole, [], advise("warning", "all-weights-zero", message, "give one of them a weight"))
    return
  }
  // Sessions stay with a backend that is being drained.
  if (sticky?.by === "session") return
  for (const [index, backend] of backends.entries()) {
    if (backend.weight > 0) continue
    const message = `${nameOf(backend)} has the weight 0 and gets no requests`
    const hint = "give it a weight, or remove it once it is no longer needed"
    sites.atRule(whole, ["backends", index], advise("info", "zero-weight", message, hint))
  }
}

function lintTimes(rule: Rule, sites: Sites): void {
  const { requestMs, attemptMs } = rule.timeouts
  if (requestMs === undefined || attemptMs === undefined || attemptMs < requestMs) return
  const message = `An attempt may take ${attemptMs} ms, and all of them together ${requestMs} ms: no second one fits in`
  const hint = "make the attempt's time shorter, or leave it out"
  sites.atRule(rule, [], advise("warning", "attempt-outlasts-request", message, hint))
}

function lintRetry(rule: Rule, sites: Sites): void {
  const advice = rule.retry && retryAdvice(rule, rule.retry)
  if (advice) sites.atRule(rule, ["retry"], advise("warning", ...advice))
}

function retryAdvice(
  { matches, filters }: Rule,
  retry: RetryPolicy,
): [rule: string, message: string, hint: string] | undefined {
  if (filters.some(({ kind }) => kind === "redirect" || kind === "respond")) {
    return ["retry-without-effect", "The rule answers by itself: there is nothing to try again", 'remove "retry"']
  }
  if (retry.on.length === 0) {
    return [
      "retry-without-effect",
      'No failure is tried again: "on" is empty',
      'write what to retry "on", or leave it out',
    ]
  }
  const repeated = ({ method, rpc }: Match) =>
    rpc === undefined ? method === undefined || mayRepeat(retry, method, false) : retry.unsafe
  if (matches.some(repeated)) return undefined
  const what = [...new Set(matches.map(({ method, rpc }) => (rpc === undefined ? method : "an RPC call")))].join(" or ")
  const message = `${what} may act twice: without an idempotency-key such requests are never tried again`
  return ["retry-never-repeats", message, 'add "unsafe: true" if the service bears repetition, or remove "retry"']
}

function lintMirrors(rule: Rule, sites: Sites): void {
  for (const [index, filter] of rule.filters.entries()) {
    if (filter.kind !== "mirror") continue
    const { backend } = filter.mirror
    if (!rule.backends.some((one) => one.service === backend.service && one.subset === backend.subset)) continue
    const message = `${nameOf(backend)} gets mirrored requests twice: it is a backend of the same rule`
    const hint = "mirror to another subset, or remove the mirror"
    sites.atRule(rule, ["filters", index], advise("warning", "mirror-to-itself", message, hint))
  }
}

function lintExpressions(rule: Rule, match: Match, index: number, sites: Sites): void {
  const note = (steps: readonly string[], pattern: string, simpler: string | undefined) => {
    if (simpler === undefined) return
    const message = `${JSON.stringify(pattern)} needs no regular expression`
    sites.atRule(rule, steps, advise("info", "needless-regex", message, `write ${simpler}`), index)
  }
  if (match.path?.kind === "regex") note(["path"], match.path.value, simplerPath(match.path.value))
  const named = { headers: match.headers, query: match.query, cookies: match.cookies, claims: match.claims ?? [] }
  for (const [section, values] of Object.entries(named)) {
    for (const { name, test } of values) {
      if (test.kind === "regex") note([section, name], test.value, simplerValue(test.value))
    }
  }
}

function lintHeaders(route: Route, rule: Rule, match: Match, index: number, sites: Sites): void {
  for (const value of match.headers) {
    if (value.name === "host") lintHostHeader(rule, value, index, sites)
    if (!neverArrives(route, value.name)) continue
    const message = `The mesh takes ${value.name} from no sender: the header is always absent`
    const hint = "use a header of another name"
    sites.atRule(rule, ["headers", value.name], advise("warning", "header-never-arrives", message, hint), index)
  }
}

/** What the proxy drops (`admit`): of the public more than of a service. */
function neverArrives({ attachments }: Route, name: string): boolean {
  const folded = name.replace(/[_.]/g, "-")
  return attachments.every(({ to }) =>
    to === "gateway" ? isHopByHop(name) || isReserved(name) : isHopByHop(name) || folded.startsWith("weft"),
  )
}

function lintHostHeader(rule: Rule, { name, test }: ValueMatch, index: number, sites: Sites): void {
  const written = "value" in test && test.kind !== "regex" ? test.value : ""
  const never = written !== written.toLowerCase() ? ", and is always in lower case" : ""
  const message = `The host is known before the header "${name}" is looked at${never}`
  const hint = 'write it into the route\'s "hosts", without port'
  sites.atRule(rule, ["headers", name], advise(never ? "warning" : "info", "host-as-header", message, hint), index)
}

function nameOf({ service, subset }: BackendRef): string {
  return subset === undefined ? service : `${service}/${subset}`
}
