/** Which regular expressions may enter the mesh: the one place where documents meet the engine. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Match, Rule } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { admitRegex } from "#shared/routing/regex.ts"
import { type Complaint, complain, quote } from "./complaint.ts"

export function checkRegex(pattern: string): Complaint | undefined {
  if (pattern === "") return complain("bad-regex", "The regular expression is empty")
  const admitted = admitRegex(pattern)
  if ("regex" in admitted) return undefined
  const hint = "prefer a prefix or a template; the syntax is RE2, without look-around and back-references"
  return complain("bad-regex", `${quote(pattern)} is refused: ${admitted.problem}`, hint)
}

/**
 * What is wrong with all expressions of a mesh together. Each proxy isolate compiles those of the hosts that it serves when the
 * first request for them comes, and may have all of them in memory.
 */
export function checkRegexesTogether({ routes }: Snapshot): Complaint | undefined {
  const rules = routes.flatMap((route) => route.rules)
  const patterns = new Set(rules.flatMap((rule) => [...rule.matches.flatMap(regexesOf), ...replacedBy(rule)]))
  let steps = 0
  for (const pattern of patterns) {
    const admitted = admitRegex(pattern)
    if ("steps" in admitted) steps += admitted.steps
    if (steps > LIMITS.regexProgramsMax) {
      const message = `The mesh's ${patterns.size} regular expressions together have more than ${LIMITS.regexProgramsMax} steps`
      return complain("regexes-too-large", message, "prefer prefixes and templates, which cost nothing")
    }
  }
  return undefined
}

function replacedBy({ filters, backends }: Rule): string[] {
  return [...filters, ...backends.flatMap((backend) => backend.filters)].flatMap((filter) => {
    const path =
      filter.kind === "rewrite" ? filter.rewrite.path : filter.kind === "redirect" ? filter.redirect.path : undefined
    return path?.kind === "regex" ? [path.pattern] : []
  })
}

function regexesOf({ path, headers, query, cookies, claims = [] }: Match): string[] {
  const tests = [...headers, ...query, ...cookies, ...claims].map(({ test }) => test)
  return [...(path ? [path] : []), ...tests].flatMap((one) => (one.kind === "regex" ? [one.value] : []))
}
