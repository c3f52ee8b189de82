/**
 * The control API's shapes as zod schemas: they check what comes in and are printed in the OpenAPI document. The types in
 * shared/protocol are written by hand and lead; `satisfies` holds the schemas to them.
 */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import { isLabel } from "#shared/model/names.ts"
import type { Finding, Problem } from "#shared/model/problem.ts"
import type * as api from "#shared/protocol/control-api.ts"
import type { IsolateStatus, RevisionSummary } from "#shared/protocol/route-table.ts"
import { breakerStatus, healthStatus } from "./schemas-breaker.ts"
import { digits, LABEL, label, REVISION_MAX, type Schema, time } from "./schemas-kit.ts"
import { guardPhase, guardRequest, rolloutStatus } from "./schemas-rollout.ts"

const count = z.int().min(0)
const revisionNumber = z.int().min(1)
/** Objects of other systems may have dots in their names. */
const resourceName = z
  .string()
  .max(253)
  .refine((name) => name.split(".").every(isLabel), "must be lower-case letters, digits, dashes and dots")
  .openapi({ pattern: `^${LABEL}(\\.${LABEL})*$`, example: "orders" })
const digest = z.string().openapi({ description: "SHA-256 of the snapshot's canonical text, lower-case hex." })
/** Longer messages are cut, not refused: a commit message should not break a deployment. */
const message = z.string().openapi({ description: `At most ${LIMITS.messageCharsMax} characters are kept.` })

export const applyRequest = z
  .strictObject({
    documents: z
      .array(
        z
          .strictObject({ source: z.string().max(LIMITS.sourceCharsMax), content: z.unknown() })
          .openapi({ required: ["source", "content"] }),
      )
      .min(1)
      .max(LIMITS.documentsMax),
    prune: z.boolean().optional().openapi({ description: "Also remove what the documents do not declare." }),
    message: message.optional(),
    guard: guardRequest.optional(),
  })
  .openapi("ApplyRequest") satisfies Schema<api.ApplyRequest>

export const rollbackRequest = z
  .strictObject({
    to: z.union([z.literal("previous"), revisionNumber]),
    message: message.optional(),
    force: z.boolean().optional().openapi({
      description: "Roll back in one step, whatever that removes. `message` has to say why.",
    }),
  })
  .refine(({ force, message }) => !force || (message ?? "").trim() !== "", "`force` takes a `message` that says why")
  .openapi("RollbackRequest") satisfies Schema<api.RollbackRequest>

const change = z
  .object({
    action: z.enum(["add", "change", "remove"]),
    kind: z.string(),
    namespace: z.string(),
    name: z.string(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
  })
  .openapi("Change") satisfies Schema<api.Change>

const note = z
  .object({
    kind: z.string(),
    namespace: z.string(),
    name: z.string(),
    path: z.string().openapi({ description: "In the object; empty for the whole of it." }),
    outcome: z.enum(["applied", "ignored", "unsupported", "invalid"]),
    condition: z.string(),
    reason: z.string(),
    message: z.string(),
  })
  .openapi("Note", {
    description: "What became of a part of an object that is written in another system's language.",
  }) satisfies Schema<api.Note>
const notes = z.array(note).optional()

const problem = z
  .object({
    path: z.string(),
    rule: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    resource: z.object({ kind: z.string(), namespace: z.string(), name: z.string() }).optional(),
    source: z.object({ file: z.string(), line: count.optional(), column: count.optional() }).optional(),
  })
  .openapi("Problem") satisfies Schema<Problem>

const finding = problem.extend({ hint: z.string(), severity: z.enum(["warning", "info"]) }).openapi("Finding", {
  description: "What is not wrong and yet most likely not meant. `info`: it may be meant so.",
}) satisfies Schema<Finding>
const findings = z.array(finding).optional()

export const plan = z
  .object({ head: count, changes: z.array(change), notes, findings })
  .openapi("Plan", { description: "What would change against the head." }) satisfies Schema<api.Plan>

export const applied = z
  .object({
    ...{ head: count, changes: z.array(change), notes, findings, revision: count, digest },
    consistencyToken: z.string().optional().openapi({
      description: "As `weft-revision` on a public request: to be served by this revision or a newer one.",
    }),
    rollbackOf: revisionNumber.optional().openapi({ description: "The revision whose content was restored." }),
    guarded: z.literal(true).optional().openapi({ description: "Only some request chains go by it as yet." }),
  })
  .openapi("Applied", {
    description: "`revision` is the head afterwards. It equals `head` when nothing changed: then no revision was made.",
  }) satisfies Schema<api.Applied>

export const revisionSummary = z
  .object({
    revision: revisionNumber,
    digest,
    author: z.string().openapi({ description: "The name of the token that it was applied with." }),
    message: z.string(),
    atMs: time,
    rollbackOf: revisionNumber.optional(),
    added: count,
    changed: count,
    removed: count,
    guard: guardPhase,
  })
  .openapi("RevisionSummary") satisfies Schema<RevisionSummary>

const resource = z
  .object({
    kind: z.string(),
    namespace: z.string(),
    name: z.string(),
    spec: z.unknown().openapi({ description: "As it was written." }),
    since: count.openapi({ description: "The revision that first held it." }),
  })
  .openapi("Resource")

export const revisionList = z
  .object({ revisions: z.array(revisionSummary) })
  .openapi("RevisionList") satisfies Schema<api.RevisionList>

export const revisionDetail = revisionSummary
  .extend({ resources: z.array(resource) })
  .openapi("RevisionDetail") satisfies Schema<api.RevisionDetail>

export const resourceList = z
  .object({ revision: count, resources: z.array(resource), notes })
  .openapi("ResourceList") satisfies Schema<api.ResourceList>

const isolateStatus = z
  .object({
    isolate: z.string(),
    serving: count,
    refused: z.object({ revision: count, reason: z.string() }).optional(),
    seenAtMs: time,
    servingSinceMs: time.optional().openapi({ description: "Since when it serves this revision, as far as is known." }),
    leaseMs: count.optional(),
    relay: z.string().optional().openapi({ description: "The relay that it asks; absent: the route table itself." }),
    bindings: z.array(z.string()).optional(),
    outliers: z
      .array(
        z.object({
          cluster: z.string(),
          endpoint: z.string(),
          ejected: z.boolean(),
          because: z.string(),
          untilMs: time.optional(),
        }),
      )
      .optional(),
  })
  .openapi("IsolateStatus") satisfies Schema<IsolateStatus>

const relayState = z
  .object({ name: z.string(), revision: count, failures: count, silent: z.literal(true).optional() })
  .openapi("RelayState") satisfies Schema<api.RelayState>

export const status = z
  .object({
    head: revisionSummary.optional(),
    rollout: rolloutStatus.optional().openapi({ description: "The guarded apply that is under way." }),
    services: count,
    routes: count,
    isolates: z.array(isolateStatus),
    unsure: z.literal(true).optional().openapi({
      description: "Who hears of isolates was started just now, in some region: there may be others.",
    }),
    relays: z.array(relayState),
    floorsMissed: count,
    unbound: z.array(z.object({ service: z.string(), binding: z.string() })),
    breakers: z.array(breakerStatus),
    health: z.array(healthStatus),
  })
  .openapi("Status") satisfies z.ZodType<unknown>

export const problemDetails = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    problems: z.array(problem).optional(),
    head: count.optional(),
    confirm: z
      .object({
        word: z.string(),
        removals: z.array(z.object({ kind: z.string(), removed: count, of: count, names: z.array(z.string()) })),
      })
      .optional()
      .openapi({ description: "With 428: what would go, and what the header `Weft-Confirm` has to say for it to go." }),
  })
  .openapi("ProblemDetails", { description: "RFC 9457." }) satisfies Schema<api.ProblemDetails>

const kind = z
  .string()
  .regex(/^[A-Za-z]{1,63}$/, "must be the name of a kind")
  .openapi({ example: "Service" })

export const params = {
  revision: z.strictObject({
    revision: z.union([z.literal("head"), digits(1, REVISION_MAX)]).openapi({
      type: "string",
      pattern: "^(head|[1-9][0-9]{0,14})$",
      description: "A revision's number, or `head`.",
      example: "head",
    }),
  }),
  resource: z.strictObject({ kind, namespace: label, name: resourceName }),
}

export const query = {
  none: z.strictObject({}),
  revisions: z.strictObject({
    before: digits(1, REVISION_MAX).optional().openapi({ description: "Only revisions below this one." }),
    limit: digits(1, LIMITS.historyPageMax).optional().openapi({ description: "50 when absent." }),
  }),
  diff: z.strictObject({
    from: digits(0, REVISION_MAX).openapi({ description: "A revision's number; 0 is the empty mesh." }),
    to: digits(0, REVISION_MAX).optional().openapi({ description: "The head when absent." }),
  }),
  resources: z.strictObject({
    kind: kind.optional(),
    namespace: label.optional(),
    name: resourceName.optional(),
    revision: digits(0, REVISION_MAX).optional().openapi({ description: "The head when absent." }),
  }),
}
