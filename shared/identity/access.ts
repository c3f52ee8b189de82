/**
 * Access policies, compiled once a snapshot, and what they decide of a request. Each place (a gateway, a service) gathers what covers
 * it when it is first asked, so that a request looks at nothing else.
 *
 * A path with parameters can be understood in several ways (`readingsOf`). A request is judged in each of them, and what is strictest
 * holds: it is refused when one reading is, and an authorizer is asked when one reading asks it.
 */
import type { AccessPolicy, CustomPolicy, PolicyRule, RulePolicy } from "#shared/model/access-policy.ts"
import type { Place, Target } from "#shared/model/target.ts"
import { readingsOf } from "#shared/std/path-pattern.ts"
import { compileCondition, type Holds, type Stance, type Subject } from "./access-condition.ts"
import { covers } from "./coverage.ts"

/** What was decided, and by what. */
export interface Verdict {
  readonly allowed: boolean
  /**
   * `deny`, `allow`: by a rule. `no-allow`: there are policies that allow, and none of their rules takes the request. `default`: nothing
   * says more. `open`: no policy says anything.
   */
  readonly why: "deny" | "allow" | "no-allow" | "default" | "open"
  /** The rule (`default/orders/0`), the default's policy, or the policies that do not allow; empty for `open`. */
  readonly by: readonly string[]
}

interface CompiledRule {
  /** `<policy>/<index>`. */
  readonly id: string
  readonly takes: Holds
}

interface Compiled<P extends RulePolicy | CustomPolicy = RulePolicy | CustomPolicy> {
  readonly policy: P
  readonly rules: readonly CompiledRule[]
}

type DefaultPolicy = Extract<AccessPolicy, { action: "default" }>

/** What decides. */
interface Deciding {
  readonly deny: readonly Compiled<RulePolicy>[]
  readonly allow: readonly Compiled<RulePolicy>[]
  /** The one default that counts. */
  readonly otherwise: DefaultPolicy | undefined
}

/** What covers one place. */
export class Guards {
  readonly #inForce: Deciding
  /** As if no policy were a dry run; undefined when none is. */
  readonly #rehearsed: Deciding | undefined
  readonly #audit: readonly Compiled<RulePolicy>[]
  readonly #custom: readonly Compiled<CustomPolicy>[]

  constructor(compiled: readonly Compiled[], defaults: readonly DefaultPolicy[]) {
    const of = (action: string) => compiled.filter(({ policy }) => policy.action === action)
    const all: Deciding = {
      deny: of("deny") as Compiled<RulePolicy>[],
      allow: of("allow") as Compiled<RulePolicy>[],
      otherwise: narrowest(defaults),
    }
    this.#inForce = {
      deny: all.deny.filter(isInForce),
      allow: all.allow.filter(isInForce),
      otherwise: narrowest(defaults.filter(({ dryRun }) => !dryRun)),
    }
    const isTried = [...all.deny, ...all.allow].some((one) => !isInForce(one)) || defaults.some(({ dryRun }) => dryRun)
    this.#rehearsed = isTried ? all : undefined
    this.#audit = of("audit") as Compiled<RulePolicy>[]
    this.#custom = of("custom") as Compiled<CustomPolicy>[]
  }

  /** Whom to ask about the request, before it is judged. */
  authorizers(subject: Subject): readonly CustomPolicy[] {
    if (this.#custom.length === 0) return NONE
    const readings = readingsFor(subject)
    return this.#custom.filter((one) => readings.some((reading) => takenBy(one, reading))).map(({ policy }) => policy)
  }

  judge(subject: Subject): Verdict {
    return strictest(subject, this.#inForce).verdict
  }

  /** The request as its path was understood when it was judged. */
  decisiveReading(subject: Subject): Subject {
    return strictest(subject, this.#inForce).reading
  }

  /** What would be decided if no policy were a dry run; undefined when none is. */
  rehearse(subject: Subject): Verdict | undefined {
    return this.#rehearsed && strictest(subject, this.#rehearsed).verdict
  }

  /** The rules that only write requests down, of those that take this one. */
  audit(subject: Subject): readonly string[] {
    if (this.#audit.length === 0) return NONE
    const readings = readingsFor(subject)
    return this.#audit.flatMap((one) => readings.map((reading) => takenBy(one, reading)).find((id) => id) ?? [])
  }
}

/** All policies of a mesh. */
export class AccessTable {
  readonly #compiled: readonly Compiled[]
  readonly #defaults: readonly DefaultPolicy[]
  readonly #places = new Map<string, Guards | undefined>()

  constructor(policies: readonly AccessPolicy[]) {
    this.#compiled = policies.flatMap((policy) => (policy.action === "default" ? [] : [compile(policy)]))
    this.#defaults = policies.filter((policy) => policy.action === "default")
  }

  /** Undefined where no policy covers anything. */
  at(place: Place): Guards | undefined {
    const key = place.at === "service" ? `s ${place.service}` : `g ${place.gateway}`
    if (!this.#places.has(key)) this.#places.set(key, this.#gather(place))
    return this.#places.get(key)
  }

  #gather(place: Place): Guards | undefined {
    const compiled = this.#compiled.filter(({ policy }) => covers(policy.target, place))
    const defaults = this.#defaults.filter(({ target }) => covers(target, place))
    return compiled.length + defaults.length > 0 ? new Guards(compiled, defaults) : undefined
  }
}

const NONE: readonly never[] = []
const OPEN: Verdict = { allowed: true, why: "open", by: NONE }

const BREADTH: Readonly<Record<Target["of"], number>> = { places: 0, namespace: 1, mesh: 2 }

/** Of equals the one that refuses, then the first. */
function narrowest(defaults: readonly DefaultPolicy[]): DefaultPolicy | undefined {
  const rank = ({ target, verdict }: DefaultPolicy) => 2 * BREADTH[target.of] + (verdict === "deny" ? 0 : 1)
  return defaults.reduce<DefaultPolicy | undefined>(
    (best, one) => (best === undefined || rank(one) < rank(best) ? one : best),
    undefined,
  )
}

function isInForce({ policy }: Compiled<RulePolicy>): boolean {
  return policy.dryRun !== true
}

function strictest(subject: Subject, deciding: Deciding): { readonly verdict: Verdict; readonly reading: Subject } {
  let judged = { verdict: OPEN, reading: subject }
  for (const reading of readingsFor(subject)) {
    judged = { verdict: verdictOn(reading, deciding), reading }
    if (!judged.verdict.allowed) break
  }
  return judged
}

function verdictOn(reading: Subject, { deny, allow, otherwise }: Deciding): Verdict {
  for (const one of deny) {
    const rule = takenBy(one, reading)
    if (rule !== undefined) return { allowed: false, why: "deny", by: [rule] }
  }
  for (const one of allow) {
    const rule = takenBy(one, reading)
    if (rule !== undefined) return { allowed: true, why: "allow", by: [rule] }
  }
  if (allow.length > 0) return { allowed: false, why: "no-allow", by: allow.map(({ policy }) => policy.id) }
  return otherwise ? { allowed: otherwise.verdict === "allow", why: "default", by: [otherwise.id] } : OPEN
}

/** The first rule that takes the request. */
function takenBy({ rules }: Compiled, reading: Subject): string | undefined {
  for (const { id, takes } of rules) if (takes(reading)) return id
  return undefined
}

function compile(policy: RulePolicy | CustomPolicy): Compiled {
  const stance = policy.action === "allow" ? "permits" : "catches"
  return {
    policy,
    rules: policy.rules.map((rule, index) => ({ id: `${policy.id}/${index}`, takes: compileRule(rule, stance) })),
  }
}

function compileRule({ from, to, when }: PolicyRule, stance: Stance): Holds {
  const all = (conditions: PolicyRule["when"]) => conditions.map((condition) => compileCondition(condition, stance))
  const [sources, operations, rest] = [from.map(all), to.map(all), all(when)]
  return (subject) => {
    const meets = (conditions: readonly Holds[]) => conditions.every((holds) => holds(subject))
    return (
      (sources.length === 0 || sources.some(meets)) &&
      (operations.length === 0 || operations.some(meets)) &&
      meets(rest)
    )
  }
}

/** The request in each way that its path can be understood. */
function readingsFor(subject: Subject): readonly Subject[] {
  const { http } = subject
  if (!http) return [subject]
  return readingsOf(http.path).map((path) => (path === http.path ? subject : { ...subject, http: { ...http, path } }))
}
