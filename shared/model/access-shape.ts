/** The shape of access policies in a snapshot. A pattern that cannot be read refuses the snapshot: nobody could tell what it lets in. */
import { parseNetwork } from "#shared/std/ip.ts"
import { pathPatternFault } from "#shared/std/path-pattern.ts"
import { LIMITS } from "./limits.ts"
import { fieldName, filled, id, list, object, type Shape, tagged, text, whole, word } from "./shape.ts"
import { target } from "./target-shape.ts"

const plain = object({})
const attribute = tagged(
  {
    service: plain,
    namespace: plain,
    workload: plain,
    trustDomain: plain,
    gateway: plain,
    principal: plain,
    audience: plain,
    presenter: plain,
    claim: object({ path: list(filled, LIMITS.claimDepthMax, 1) }),
    key: plain,
    keyOwner: plain,
    keyScope: plain,
    address: plain,
    host: plain,
    port: plain,
    method: plain,
    path: plain,
    rpc: plain,
    header: object({ name: fieldName }),
    unknowable: plain,
  },
  "by",
)

const yes: Shape = (value) => (value === true ? undefined : "is not true")
const condition = object({ on: attribute, values: list(text, LIMITS.policyValuesMax, 1) }, { not: yes })

const readable: Shape = (value) => {
  const fault = condition(value)
  if (fault !== undefined) return fault
  const { on, values } = value as { on: { by: string }; values: string[] }
  const unreadable = values.find((pattern) => {
    if (on.by === "address") return parseNetwork(pattern) === undefined
    return on.by === "path" && pathPatternFault(pattern) !== undefined
  })
  return unreadable === undefined ? undefined : `.values hold a pattern that cannot be read`
}

const conditions = list(readable, LIMITS.policyConditionsMax)
const alternatives = list(conditions, LIMITS.policySourcesMax)
const rules = list(object({ from: alternatives, to: alternatives, when: conditions }), LIMITS.policyRulesMax)

const headerNames = list(fieldName, LIMITS.authorizerHeadersMax)
const authorizer = object(
  {
    service: id,
    pathPrefix: text,
    requestHeaders: headerNames,
    upstreamHeaders: headerNames,
    clientHeaders: headerNames,
    timeoutMs: whole(1, LIMITS.authorizerMsMax),
    whenUnavailable: word("allow", "deny"),
  },
  { bodyBytesMax: whole(1, LIMITS.authorizerBodyBytesMax) },
)

const named = { id, target }
const ofRules = object({ ...named, rules }, { dryRun: yes })

export const policies = list(
  tagged(
    {
      allow: ofRules,
      deny: ofRules,
      audit: ofRules,
      custom: object({ ...named, rules, authorizer }),
      default: object({ ...named, verdict: word("allow", "deny") }, { dryRun: yes }),
    },
    "action",
  ),
  LIMITS.policiesMax,
)
