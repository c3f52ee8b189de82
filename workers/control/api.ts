/** The table of endpoints: method, path, role, shapes, handler. The router, the roles and the reference all come from it. */
import { z } from "@hono/zod-openapi"
import type { ResourceKey } from "#shared/config/parse.ts"
import { jsonSchema } from "#shared/config/schema.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { ApplyRequest, ForceBreaker, RollbackRequest } from "#shared/protocol/control-api.ts"
import type { ExplainRequest } from "#shared/protocol/explain.ts"
import { ACCESS } from "./api-access.ts"
import { ALERTING } from "./api-alerts.ts"
import { IDENTITY } from "./api-identity.ts"
import { KEYS } from "./api-keys.ts"
import { PROBE } from "./api-probe.ts"
import { ROLLOUT } from "./api-rollout.ts"
import { TELEMETRY } from "./api-telemetry.ts"
import { forceBreaker, listBreakers } from "./breakers.ts"
import * as changes from "./changes.ts"
import { showConvergence } from "./convergence.ts"
import { type Answers, type Endpoint, endpoint, reply } from "./endpoint.ts"
import { explainRequest } from "./explain.ts"
import * as history from "./history.ts"
import * as schemas from "./schemas.ts"
import * as breakerShapes from "./schemas-breaker.ts"
import { revisionConvergence } from "./schemas-convergence.ts"
import * as shapes from "./schemas-explain.ts"
import { showStatus } from "./status.ts"

const EXAMPLE: ApplyRequest = {
  documents: [
    {
      source: "mesh.yaml",
      content: {
        services: { orders: { subsets: { v1: {}, v2: {} } } },
        routes: {
          orders: {
            service: "orders",
            rules: [
              {
                backends: [
                  { service: "orders", subset: "v1", weight: 90 },
                  { service: "orders", subset: "v2", weight: 10 },
                ],
              },
            ],
          },
        },
      },
    },
  ],
  message: "Send a tenth of orders to v2",
}

const APPLIED: Answers = {
  status: 200,
  description: "Done, or nothing to do.",
  schema: schemas.applied,
  problems: [409, 412, 422, 428],
}

const CHANGES: readonly Endpoint[] = [
  endpoint<object, object, ApplyRequest>({
    method: "POST",
    path: "/v1/plan",
    role: "viewer",
    namespaced: true,
    reads: true,
    group: "Changes",
    summary: "Say what an apply would change",
    description: "A dry run: the documents are compiled against the head, and nothing is written.",
    body: { schema: schemas.applyRequest, bytesMax: LIMITS.documentBytesMax, example: EXAMPLE },
    answers: { status: 200, description: "The plan.", schema: schemas.plan, problems: [422] },
    handle: changes.dryRun,
  }),
  endpoint<object, object, ApplyRequest>({
    method: "POST",
    path: "/v1/apply",
    role: "operator",
    namespaced: true,
    group: "Changes",
    summary: "Apply documents",
    description:
      "Adds and replaces what the documents declare, all or nothing, and makes a new revision of it. Other resources stay as they are, unless `prune` is set. A token that is limited to namespaces prunes there only. With `guard`, the new revision goes out in stages and is undone when it fares worse; while one does, other changes are refused with 409.",
    body: { schema: schemas.applyRequest, bytesMax: LIMITS.documentBytesMax, example: EXAMPLE },
    changesMesh: true,
    answers: APPLIED,
    handle: changes.apply,
  }),
  endpoint<object, object, RollbackRequest>({
    method: "POST",
    path: "/v1/rollback",
    role: "operator",
    namespaced: true,
    evenUnrecorded: true,
    group: "Changes",
    summary: "Restore an earlier revision",
    description:
      "Makes a new, higher revision with the content of the old one. History is never rewritten. `previous` is the revision whose content came before the head's; asked for again, it goes further back. Neither the head nor the old revision is compiled, so that it works when they no longer would.",
    body: {
      schema: schemas.rollbackRequest,
      bytesMax: LIMITS.controlBodyBytesMax,
      example: { to: 3, message: "v2 of orders fails" },
    },
    changesMesh: true,
    answers: { ...APPLIED, problems: [404, 409, 412, 422, 428] },
    handle: changes.rollBack,
  }),
  endpoint<ResourceKey>({
    method: "DELETE",
    path: "/v1/resources/{kind}/{namespace}/{name}",
    role: "operator",
    namespaced: true,
    target: ({ params }) => `${params.kind} ${params.namespace}/${params.name}`,
    group: "Changes",
    summary: "Remove one resource",
    description: "Refused with 422 while something else refers to it.",
    params: schemas.params.resource,
    changesMesh: true,
    answers: { ...APPLIED, problems: [404, 409, 412, 422, 428] },
    handle: changes.removeResource,
  }),
]

const HISTORY: readonly Endpoint[] = [
  endpoint<object, history.RevisionsQuery>({
    method: "GET",
    path: "/v1/revisions",
    role: "viewer",
    namespaced: true,
    group: "History",
    summary: "List revisions, newest first",
    query: schemas.query.revisions,
    answers: { status: 200, description: "One page.", schema: schemas.revisionList },
    handle: history.listRevisions,
  }),
  endpoint<{ revision: number | "head" }>({
    method: "GET",
    path: "/v1/revisions/{revision}",
    role: "viewer",
    namespaced: true,
    group: "History",
    summary: "Show a revision with its resources",
    params: schemas.params.revision,
    answers: { status: 200, description: "The revision.", schema: schemas.revisionDetail, problems: [404] },
    handle: history.showRevision,
  }),
  endpoint<{ revision: number | "head" }>({
    method: "GET",
    path: "/v1/revisions/{revision}/convergence",
    role: "viewer",
    namespaced: true,
    group: "History",
    summary: "Say how far a revision has come",
    description:
      "By region: which relays have it, and how many of the isolates that may serve a request without asking first serve it. `done` is a fact: whoever is not counted asks before he serves.",
    params: schemas.params.revision,
    answers: { status: 200, description: "How far.", schema: revisionConvergence, problems: [404] },
    handle: showConvergence,
  }),
  endpoint<object, history.DiffQuery>({
    method: "GET",
    path: "/v1/diff",
    role: "viewer",
    namespaced: true,
    group: "History",
    summary: "Say how two revisions differ",
    query: schemas.query.diff,
    answers: { status: 200, description: "The changes.", schema: schemas.plan, problems: [404] },
    handle: history.diff,
  }),
]

const MESH: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/v1/status",
    role: "viewer",
    namespaced: true,
    group: "Mesh",
    summary: "Say what the mesh is doing",
    description:
      "The head, the proxy isolates that asked for routes within the last minute, and the bindings that services name and no isolate has.",
    answers: { status: 200, description: "The status.", schema: schemas.status },
    handle: showStatus,
  }),
  endpoint({
    method: "GET",
    path: "/v1/breakers",
    role: "viewer",
    namespaced: true,
    group: "Mesh",
    summary: "List breakers that are not simply closed",
    description: "And those that closed within the last minute.",
    answers: { status: 200, description: "The list.", schema: breakerShapes.breakerList },
    handle: listBreakers,
  }),
  endpoint<object, object, ForceBreaker>({
    method: "POST",
    path: "/v1/breakers",
    role: "operator",
    namespaced: true,
    target: ({ body }) => {
      const cluster = `${body.namespace}/${body.service}${body.subset ? `/${body.subset}` : ""}`
      return `breaker ${cluster} ${body.phase} for ${body.forSeconds} s`
    },
    group: "Mesh",
    summary: "Force a breaker open or closed for a while",
    description:
      "`open` keeps all requests from the service, also where no breaker is configured; after it, probes decide. `closed` lets all pass, whatever happens; after it, the breaker decides. Nothing of it is a revision.",
    body: {
      schema: breakerShapes.forceBreaker,
      bytesMax: LIMITS.controlBodyBytesMax,
      example: { namespace: "default", service: "payments", phase: "open", forSeconds: 600 },
    },
    answers: { status: 200, description: "The breaker.", schema: breakerShapes.breakerStatus, problems: [404] },
    handle: forceBreaker,
  }),
  endpoint<object, object, ExplainRequest>({
    method: "POST",
    path: "/v1/explain",
    role: "viewer",
    namespaced: true,
    reads: true,
    group: "Mesh",
    summary: "Say where a request would go, and why",
    description:
      "Takes a request in words through the decisions of the proxy: which route takes it and why the nearest others do not, what the filters make of it, which backends may get it with which share, and whether a live proxy can reach them. Nothing is sent.",
    body: {
      schema: shapes.explainRequest,
      bytesMax: LIMITS.explainBodyBytesMax,
      example: {
        request: { url: "https://shop.example.com/orders/7", headers: [{ name: "x-canary", value: "always" }] },
      },
    },
    answers: { status: 200, description: "The story.", schema: shapes.explained, problems: [404, 409] },
    handle: explainRequest,
  }),
  endpoint<object, history.ResourcesQuery>({
    method: "GET",
    path: "/v1/resources",
    role: "viewer",
    namespaced: true,
    group: "Mesh",
    summary: "List resources",
    query: schemas.query.resources,
    answers: { status: 200, description: "The resources.", schema: schemas.resourceList, problems: [404] },
    handle: history.listResources,
  }),
]

const ABOUT: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/healthz",
    role: "open",
    group: "This API",
    summary: "Say that the control Worker runs",
    description: "Asks no Durable Object.",
    answers: { status: 200, description: "It runs.", schema: z.object({ status: z.literal("ok") }) },
    handle: () => reply({ status: "ok" }),
  }),
  endpoint({
    method: "GET",
    path: "/v1/schema.json",
    role: "viewer",
    namespaced: true,
    group: "This API",
    summary: "The JSON Schema of a document, for editors",
    answers: { status: 200, description: "The schema.", contentType: "application/schema+json" },
    handle: () =>
      new Response(JSON.stringify(jsonSchema()), { headers: { "content-type": "application/schema+json" } }),
  }),
]

/** Without /openapi.json and /reference, which describe this table and are added by the app. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...CHANGES,
  ...ROLLOUT,
  ...HISTORY,
  ...MESH,
  ...TELEMETRY,
  ...ALERTING,
  ...IDENTITY,
  ...PROBE,
  ...ACCESS,
  ...KEYS,
  ...ABOUT,
]
