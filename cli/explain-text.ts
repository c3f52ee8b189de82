/** An explanation as a story: from the door to the endpoint, then why the nearest others did not get the request. */
import type { RetryPolicy } from "#shared/model/policy.ts"
import type {
  Branch,
  ConsideredMatch,
  Explained,
  ExplainedAccess,
  FilterStep,
  ReachedEndpoint,
} from "#shared/protocol/explain.ts"
import { count, facts, type Paint, plain } from "./output.ts"

type Fact = readonly [name: string, value: string]

export function explainText(told: Explained, paint: Paint): string {
  const entries: Fact[] = [
    ...requestFacts(told),
    ...(told.place === undefined ? [] : [["enters", plain(told.place)] as const]),
    ...winnerFacts(told, paint),
    ...listed(
      "shares",
      (told.shares ?? []).map((one) => `${percent(one.share)}  ${plain(one.rule ?? "no rule")}`),
    ),
    ...listed("identity", identityLines(told, paint)),
    ...accessFacts(told.access, paint),
    ...listed("limits", (told.rateLimits ?? []).map(plain)),
    ...listed("filters", stepLines(ruleSteps(told))),
    ...outcomeFacts(told, paint),
    ...policyFacts(told),
  ]
  return facts(entries) + nearest(told, paint)
}

function requestFacts({ understood, revision }: Explained): Fact[] {
  const by: Fact = ["by", revision === 0 ? "the documents" : `revision ${revision}`]
  if (!understood) return [by]
  const { method, url, rpc, caller, service, dropped } = understood
  const from = caller === undefined ? "" : ` from ${caller}`
  const to = service === undefined ? "" : ` to ${service}`
  const without: Fact[] =
    dropped.length === 0 ? [] : [["without", `${plain(dropped.join(", "))}: not taken from a sender`]]
  return [by, ["request", plain(`${method} ${url ?? rpc ?? ""}${from}${to}`)], ...without]
}

function winnerFacts({ winner }: Explained, paint: Paint): Fact[] {
  if (!winner) return []
  return [
    ["rule", `${paint("bold", plain(winner.rule))}  ${plain(winner.match)}`],
    ["", plain(winner.because)],
  ]
}

/** Those of the rule are the same in every branch, but for a branch that ends early. */
function ruleSteps({ branches }: Explained): readonly FilterStep[] {
  const longest = branches.reduce<readonly FilterStep[]>(
    (best, { steps }) => (steps.length > best.length ? steps : best),
    [],
  )
  return longest.filter((step) => step.of === "rule")
}

function stepLines(steps: readonly FilterStep[]): string[] {
  return steps.map(({ filter, on, effect }) => plain(`${filter}: ${effect}${on === "response" ? " (response)" : ""}`))
}

function outcomeFacts({ branches, refusal, sticky }: Explained, paint: Paint): Fact[] {
  if (refusal) return refusalFacts(refusal, paint)
  const several = branches.length > 1
  const facts = branches.flatMap((branch) => branchFacts(branch, several, paint))
  return sticky === undefined ? facts : [...facts, ["sticky", plain(sticky)]]
}

function branchFacts(branch: Branch, several: boolean, paint: Paint): Fact[] {
  const { backend, share, chosen, sends, answer, refusal, steps } = branch
  const mark = several && chosen ? paint("green", "  <- this request") : ""
  const name: Fact[] =
    backend === undefined ? [] : [[several ? percent(share) : "to", `${paint("bold", plain(backend))}${mark}`]]
  const own = stepLines(steps.filter(({ of }) => of === "backend")).map((line): Fact => ["", line])
  if (refusal) return [...name, ...own, ...accessFacts(branch.access, paint), ...refusalFacts(refusal, paint)]
  if (answer) return [...name, ...answerFacts(answer)]
  const access = accessFacts(branch.access, paint)
  const url: Fact[] = sends?.url === undefined ? [] : [["", `as ${plain(sends.url)}`]]
  return [
    ...name,
    ...own,
    ...access,
    ...url,
    ...(sends?.endpoints ?? []).map((one): Fact => ["", endpointText(one, paint)]),
  ]
}

function endpointText({ at, bound }: ReachedEndpoint, paint: Paint): string {
  if (bound === undefined) return `at ${plain(at)}`
  return `at ${plain(at)} ${bound ? paint("green", "(bound)") : paint("red", "(no live proxy has it)")}`
}

/** Who asks, place by place, and whose word is taken there. */
function identityLines({ authentication = [], unproven }: Explained, paint: Paint): string[] {
  const lines = authentication.flatMap(({ place, passes, because, required, by, takes }) => [
    `${passes ? paint("green", "passes") : paint("red", "stopped")} at ${plain(place)}: ${plain(because)}`,
    `  ${paint("bold", plain(by.join(", ")))} ${required ? "requires" : "takes"} ${plain(takes.join("; "))}`,
  ])
  return unproven === undefined ? lines : [...lines, plain(unproven)]
}

/** What decides, then what keeps other policies from taking the request. */
function accessFacts(access: ExplainedAccess | undefined, paint: Paint): Fact[] {
  if (!access) return []
  const { place, allowed, because, asks, audits, rehearsed, policies, more } = access
  const verdict = allowed ? paint("green", "allowed") : paint("red", "denied")
  return listed("access", [
    `${verdict} at ${plain(place)}: ${plain(because)}`,
    ...policies.map((one) => `  ${paint("bold", plain(one.policy))} ${policyWord(one)}: ${plain(one.because)}`),
    ...(more > 0 ? [`  and ${more} more policies`] : []),
    ...(asks.length > 0 ? [`asked first: ${plain(asks.join(", "))}`] : []),
    ...(audits.length > 0 ? [`written down by ${plain(audits.join(", "))}`] : []),
    ...(rehearsed === undefined ? [] : [`without dry runs: ${plain(rehearsed)}`]),
  ])
}

function policyWord({ action, takes, dryRun }: ExplainedAccess["policies"][number]): string {
  const word = action === "default" ? "default" : takes ? `(${action}) takes it` : `(${action}) does not take it`
  return dryRun ? `${word}, in a dry run` : word
}

function answerFacts({ status, headers, body }: NonNullable<Branch["answer"]>): Fact[] {
  const lines = headers.map(({ name, value }) => plain(`${name}: ${value}`))
  const content = body === "" ? [] : [plain(body.slice(0, 200))]
  return listed("answer", [String(status), ...lines, ...content])
}

function refusalFacts({ name, status, title, detail }: NonNullable<Explained["refusal"]>, paint: Paint): Fact[] {
  return listed("refused", [
    `${paint("red", plain(`${status} ${name}`))}  ${plain(title)}`,
    ...(detail === undefined ? [] : [plain(detail)]),
  ])
}

function policyFacts({ timeouts, retry }: Explained): Fact[] {
  const parts = [
    timeouts?.requestMs === undefined ? undefined : `${timeouts.requestMs} ms in all`,
    timeouts?.attemptMs === undefined ? undefined : `${timeouts.attemptMs} ms an attempt`,
  ].filter((part) => part !== undefined)
  const facts: Fact[] = parts.length === 0 ? [] : [["timeouts", parts.join(", ")]]
  if (!retry) return facts
  const again = `${count(retry.attempts, "further attempt")} on ${retry.on.map(conditionText).join(", ")}`
  return [...facts, ["retry", `${retry.applies ? again : "none"}: ${plain(retry.because)}`]]
}

function conditionText(condition: RetryPolicy["on"][number]): string {
  if (typeof condition !== "object") return String(condition)
  return condition.value === undefined ? `header ${condition.header}` : `header ${condition.header}: ${condition.value}`
}

function nearest({ others, more }: Explained, paint: Paint): string {
  if (others.length === 0) return ""
  const lines = others.map((other) => otherLine(other, paint))
  const rest = more > 0 ? `  and ${more} more\n` : ""
  return `\nnot taken, nearest first:\n${lines.join("")}${rest}`
}

function otherLine({ rule, match, because }: ConsideredMatch, paint: Paint): string {
  return `  ${paint("bold", plain(rule))}  ${plain(match)}\n    ${paint("dim", plain(because))}\n`
}

/** The name stands at the first line only. */
function listed(name: string, lines: readonly string[]): Fact[] {
  return lines.map((line, index) => [index === 0 ? name : "", line])
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`
}
