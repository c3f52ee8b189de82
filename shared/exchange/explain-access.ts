/** What access policies would say of a described request, and why: decided by the proxy's own table. */

import { AccessTable, type Verdict } from "#shared/identity/access.ts"
import { compileCondition, type Holds, type Stance, type Subject } from "#shared/identity/access-condition.ts"
import { covers } from "#shared/identity/coverage.ts"
import type { AccessPolicy, Condition, Conditions, PolicyRule } from "#shared/model/access-policy.ts"
import type { Place } from "#shared/model/target.ts"
import type { ExplainedAccess, ExplainedPolicy } from "#shared/protocol/explain.ts"
import { describeFailure, describePolicyRule } from "./access-words.ts"

/** Rules of one policy, and policies of one place, that are told of. */
const RULES_TOLD = 3
const POLICIES_TOLD = 20

/** Undefined where no policy covers the place. */
export function explainAccess(
  policies: readonly AccessPolicy[],
  place: Place,
  subject: Subject,
): ExplainedAccess | undefined {
  const guards = new AccessTable(policies).at(place)
  if (!guards) return undefined
  const verdict = guards.judge(subject)
  const rehearsed = guards.rehearse(subject)
  const reading = guards.decisiveReading(subject)
  const told = policies.filter(({ target }) => covers(target, place)).map((policy) => explainPolicy(policy, reading))
  told.sort((a, b) => Number(b.takes) - Number(a.takes))
  return {
    place: place.at === "gateway" ? `gateway ${place.gateway}` : `service ${place.service}`,
    allowed: verdict.allowed,
    because: sentenceOf(verdict),
    asks: guards.authorizers(subject).map(({ id, authorizer }) => `${id} (${authorizer.service})`),
    audits: guards.audit(subject),
    ...(rehearsed && rehearsed.allowed !== verdict.allowed && { rehearsed: sentenceOf(rehearsed) }),
    policies: told.slice(0, POLICIES_TOLD),
    more: Math.max(0, told.length - POLICIES_TOLD),
  }
}

function sentenceOf({ why, by }: Verdict): string {
  const names = by.slice(0, POLICIES_TOLD).join(", ")
  switch (why) {
    case "deny":
      return `${names} denies it`
    case "allow":
      return `${names} allows it`
    case "no-allow":
      return by.length === 1 ? `${names} does not allow it, and nothing else does` : `none of ${names} allows it`
    case "default":
      return `no policy allows or denies it, and the default is ${names}`
    case "open":
      return "no policy that covers it allows or denies it, and there is no default"
  }
}

function explainPolicy(policy: AccessPolicy, subject: Subject): ExplainedPolicy {
  const { id, action } = policy
  if (policy.action === "default") {
    return { policy: id, action, takes: true, because: `the default is ${policy.verdict}`, ...dryRunOf(policy) }
  }
  const stance: Stance = policy.action === "allow" ? "permits" : "catches"
  const failures = policy.rules.map((rule) => failureOf(rule, subject, stance))
  const taken = failures.indexOf(undefined)
  const reasons = failures.slice(0, RULES_TOLD).map((failure, index) => `rule ${index}: ${failure}`)
  const because =
    taken >= 0
      ? `rule ${taken}: ${describePolicyRule(policy.rules[taken]!)}`
      : reasons.length === 0
        ? "it has no rules"
        : reasons.join("; ")
  return { policy: id, action, takes: taken >= 0, because, ...dryRunOf(policy) }
}

function dryRunOf(policy: AccessPolicy): { readonly dryRun?: true } {
  return policy.action !== "custom" && policy.dryRun ? { dryRun: true } : {}
}

/** Undefined when the rule takes the request; of alternatives the one that gets furthest is told of. */
function failureOf({ from, to, when }: PolicyRule, subject: Subject, stance: Stance): string | undefined {
  for (const alternatives of [from, to]) {
    if (alternatives.length === 0) continue
    const failures = alternatives.map((conditions) => failing(conditions, subject, stance))
    if (failures.includes(undefined)) continue
    const furthest = failures.reduce((best, one) => (one!.index > best!.index ? one : best))
    return describeFailure(furthest!.condition, subject)
  }
  const last = failing(when, subject, stance)
  return last && describeFailure(last.condition, subject)
}

function failing(
  conditions: Conditions,
  subject: Subject,
  stance: Stance,
): { readonly index: number; readonly condition: Condition } | undefined {
  const tests: readonly Holds[] = conditions.map((condition) => compileCondition(condition, stance))
  const index = tests.findIndex((holds) => !holds(subject))
  return index < 0 ? undefined : { index, condition: conditions[index]! }
}
