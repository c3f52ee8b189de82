/** The shape of matches in documents. */
import * as z from "zod"
import { LIMITS } from "#shared/model/limits.ts"
import type * as D from "#shared/model/match-document.ts"
import { checkNetwork } from "./access-syntax.ts"
import { checkRegex } from "./admit-regex.ts"
import { checkClaim } from "./authentication-checks.ts"
import * as check from "./checks.ts"
import { checkPath, checkTemplate } from "./path-syntax.ts"
import { list, named, object, oneOf, optional, text } from "./schema-kit.ts"

const lower = (name: string): string => name.toLowerCase()
const reference = text(check.checkReference)
const regex = text(checkRegex)
const network = text(checkNetwork)
const moment = text(check.checkMoment, { examples: ["2026-12-01T09:00:00Z"] })
const path = text(checkPath, { pattern: "^/" })

const pathMatch: z.ZodType<D.PathDocument> = z
  .union([
    path,
    oneOf<Exclude<D.PathDocument, string>>("PathMatch", {
      exact: path,
      prefix: path,
      template: text(checkTemplate, { pattern: "^/" }),
      regex,
    }),
  ])
  .meta({ description: "A string is a prefix match: `path: /v2`." })

const compared = text(check.checkCompared)
const partCompared = text(check.checkPartCompared)
const tests = {
  exact: compared,
  prefix: partCompared,
  suffix: partCompared,
  contains: partCompared,
  regex,
  present: z.boolean(),
  not: z.lazy((): z.ZodType<D.SingleValueDocument> => single),
}
const single: z.ZodType<D.SingleValueDocument> = z
  .union([compared, oneOf<Exclude<D.SingleValueDocument, string>>("SingleValueMatch", tests)])
  .meta({ id: "SingleValue", description: "One condition on a value." })

const valueMatch: z.ZodType<D.ValueDocument> = z
  .union([
    compared,
    oneOf<Exclude<D.ValueDocument, string>>("ValueMatch", {
      ...tests,
      all: list(single, { min: 1, max: LIMITS.valueTestsMax }),
    }),
  ])
  .meta({
    id: "Value",
    description: 'A string is an exact match: `x-canary: "always"`. Of `all` every one must hold.',
  })

export const match = object<D.MatchDocument>(
  "Match",
  {
    path: optional(pathMatch),
    method: optional(text(check.checkMethod)),
    headers: optional(named(check.checkHeaderName, valueMatch, { max: LIMITS.valueMatchesMax, fold: lower })),
    query: optional(named(check.checkQueryName, valueMatch, { max: LIMITS.valueMatchesMax })),
    cookies: optional(named(check.checkToken, valueMatch, { max: LIMITS.valueMatchesMax })),
    claims: optional(
      named(checkClaim, valueMatch, { max: LIMITS.valueMatchesMax }),
      "Claims of the end user's token, by the way to them: `sub`, `realm_access.roles`.",
    ),
    from: optional(z.union([reference, list(reference, { min: 1, max: LIMITS.callersMax })]), "Calling services."),
    address: optional(
      z.union([network, list(network, { min: 1, max: LIMITS.trustedPeersMax })]),
      "Networks of the public client's address: `203.0.113.0/24`.",
    ),
    after: optional(moment, "From this moment on: `2026-12-01T09:00:00Z`."),
    before: optional(moment, "Until this moment."),
    rpc: optional(text(check.checkRpc), "RPC method or glob."),
    percent: optional(z.number().min(0).max(100)),
  },
  check.checkPeriod,
)
