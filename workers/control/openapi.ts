/** The table of endpoints as an OpenAPI 3.1 document. */
import { OpenAPIHono, type RouteConfig } from "@hono/zod-openapi"
import type { Endpoint } from "./endpoint.ts"
import { GROUPS } from "./endpoint.ts"
import { problemDetails } from "./schemas.ts"

export type ApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>

const PROBLEMS = {
  400: "The request is malformed.",
  401: "There is no valid token.",
  403: "The token's role, its namespaces, or the request's origin do not allow it.",
  404: "There is no such thing.",
  409: "At odds with what is there: the name is taken.",
  412: "The head is not the revision of `If-Match`.",
  408: "The body did not come in time.",
  413: "The body is too large.",
  415: "The body is not JSON.",
  421: "The host is not one of this Worker's.",
  422: "What was sent is understood and has problems; all are listed.",
  428: "The change takes much away and has to be confirmed: `confirm` says what would go, and the word for `Weft-Confirm`.",
  429: "There were too many requests, or too many wrong tokens; `Retry-After` says how long to wait.",
  503: "Something that is needed cannot be reached or is slow; `Retry-After` says when to try again.",
} as const

const ABOUT = `Changes the mesh and says what it is doing. Every path but \`/healthz\` needs a token:
\`Authorization: Bearer <token>\`, or HTTP Basic with the token as the password (any user name) to open a page in a browser.
Where an answer depends on the head revision, its \`ETag\` is that revision's number in quotes. Send it back as \`If-Match\`
with a change, and the change is refused with 412 when the head has moved on. Send an \`Idempotency-Key\` with a change, and
repeating the request cannot act twice. A change that takes more than half of a kind away, or the last of it, is answered with 428
and a word; it is carried out when it comes again with that word in \`Weft-Confirm\`. Values that are secrets by the names they
stand under are never read back: \`(secret)\` stands in their places, and written back keeps them. Errors are problems as in RFC
9457, and every answer has a \`Weft-Request-Id\`.`

export function describeApi(table: readonly Endpoint[], origin: string): ApiDocument {
  const app = new OpenAPIHono()
  const { openAPIRegistry: registry } = app
  registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" })
  registry.registerComponent("securitySchemes", "basic", { type: "http", scheme: "basic" })
  for (const endpoint of table) registry.registerPath(operation(endpoint))
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "Weft control API", version: "1", description: ABOUT },
    servers: [{ url: origin }],
    tags: GROUPS.map((name) => ({ name })),
  })
}

function operation(endpoint: Endpoint): RouteConfig {
  const { path, role, group, summary, description, params, query, body, answers } = endpoint
  const needs = role === "open" ? "Needs no token." : `Needs the role \`${role}\`.`
  return {
    method: endpoint.method.toLowerCase() as RouteConfig["method"],
    path,
    tags: [group],
    summary,
    description: description === undefined ? needs : `${description} ${needs}`,
    security: role === "open" ? [] : [{ bearer: [] }, { basic: [] }],
    ...(endpoint.changesMesh && { parameters: CHANGE_HEADERS }),
    request: {
      ...(params && { params }),
      ...(query && { query }),
      ...(body && {
        body: { required: true, content: { "application/json": { schema: body.schema, example: body.example } } },
      }),
    },
    responses: { [answers.status]: success(endpoint), ...problems(endpoint) },
  } as RouteConfig
}

const CHANGE_HEADERS = [
  {
    name: "If-Match",
    in: "header",
    schema: { type: "string", pattern: '^"[0-9]{1,15}"$' },
    description: "The ETag of the head that is meant.",
  },
  {
    name: "Idempotency-Key",
    in: "header",
    schema: { type: "string", pattern: "^[!-~]{1,255}$" },
    description: "Any unique text.",
  },
  {
    name: "Weft-Confirm",
    in: "header",
    schema: { type: "string", pattern: "^[0-9a-f]{16}$" },
    description: "The word of a 428 answer, good for the same change of the same head.",
  },
]

function success({ answers }: Endpoint) {
  if (answers.status === 204) return { description: answers.description }
  const content = { schema: answers.schema ?? {} }
  return { description: answers.description, content: { [answers.contentType ?? "application/json"]: content } }
}

function problems({ role, body, answers, changesMesh }: Endpoint) {
  const statuses: (keyof typeof PROBLEMS)[] = [400, 403, 413, 421, 503]
  if (role !== "open") statuses.push(401, 429)
  if (body) statuses.push(408, 415, 422)
  statuses.push(...(answers.problems ?? []))
  const content = { "application/problem+json": { schema: problemDetails } }
  const texts = changesMesh ? { ...PROBLEMS, 409: "Others change the mesh at the same time; try again." } : PROBLEMS
  return Object.fromEntries(statuses.map((status) => [status, { description: texts[status], content }]))
}
