/** The life of a request to the control API: guard, authenticate, find the endpoint, check what the caller may, carry out, record. */
import { OpenAPIHono } from "@hono/zod-openapi"
import type { WhoAmI } from "#shared/protocol/control-api.ts"
import { ENDPOINTS } from "./api.ts"
import { Denials, outcomeOf } from "./audit.ts"
import { allows, authenticate, NOBODY } from "./auth.ts"
import { carryOut, type Visit, visitOf } from "./carry-out.ts"
import { type Endpoint, endpoint, reply } from "./endpoint.ts"
import type { ControlEnv } from "./env.ts"
import { guard, secured } from "./guard.ts"
import { limitsOf } from "./namespaces.ts"
import { describeApi } from "./openapi.ts"
import { crashed, problem } from "./problems.ts"
import { renderReference } from "./reference.ts"
import { signInPage, wantsPage } from "./sign-in.ts"

type AppEnv = { Bindings: { visit: Visit }; Variables: { caller: WhoAmI } }

const DOCUMENT: Endpoint = endpoint({
  method: "GET",
  path: "/openapi.json",
  role: "viewer",
  namespaced: true,
  group: "This API",
  summary: "The OpenAPI 3.1 document of this API",
  answers: { status: 200, description: "The document." },
  handle: ({ request }) => reply(describeApi(TABLE, new URL(request.url).origin)),
})

const REFERENCE: Endpoint = endpoint({
  method: "GET",
  path: "/reference",
  role: "viewer",
  namespaced: true,
  group: "This API",
  summary: "This API as a page to read",
  answers: { status: 200, description: "The page.", contentType: "text/html" },
  handle: ({ request }) => renderReference(describeApi(TABLE, new URL(request.url).origin)),
})

/** Every endpoint there is. */
export const TABLE: readonly Endpoint[] = [...ENDPOINTS, DOCUMENT, REFERENCE]

const OPEN_PATHS = new Set(TABLE.filter(({ role }) => role === "open").map(({ path }) => path))
const BODY_BYTES_MAX = Math.max(...TABLE.map(({ body }) => body?.bytesMax ?? 0))

/** The caller of an open endpoint, which asks for nobody. */
const ANYBODY: WhoAmI = { name: NOBODY, role: "viewer" }

const DENIALS = new Denials()

export function createApp(): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>()

  app.use("*", async (context, next) => {
    const { visit } = context.env
    const request = context.req.raw
    const refusal = guard(request, { hosts: visit.env.WEFT_ADMIN_HOSTS, bodyBytesMax: BODY_BYTES_MAX })
    if (refusal) return refusal
    const isRead = request.method === "GET" || request.method === "HEAD"
    if (isRead && OPEN_PATHS.has(context.req.path)) {
      context.set("caller", ANYBODY)
    } else {
      visit.operation = "authenticate"
      const caller = await authenticate(request, visit.env, visit.sender)
      if (caller instanceof Response) return wantsPage(request, context.req.path) ? signInPage() : caller
      visit.who = caller.name
      context.set("caller", caller)
    }
    return next()
  })

  for (const endpoint of TABLE) {
    app.on(endpoint.method, routingPath(endpoint.path), (context) => {
      const { visit } = context.env
      visit.operation = `${endpoint.method} ${endpoint.path}`
      const caller = context.get("caller")
      return forbidden(endpoint, caller) ?? carryOut(endpoint, context.req.raw, context.req.param(), visit, caller)
    })
  }
  for (const [path, methods] of methodsByPath()) {
    const allow = methods.join(", ")
    app.options(routingPath(path), () => new Response(null, { status: 204, headers: { allow } }))
    app.all(routingPath(path), () => problem(405, `This path takes ${allow}.`, { headers: { allow } }))
  }
  app.notFound(() => problem(404, "There is no such path."))
  app.onError((error, context) => crashed(error, context.env.visit.id))
  return app
}

/** Every response of the control Worker, whoever made it, leaves through here; and what was denied is noted here. */
export async function serve(
  app: OpenAPIHono<AppEnv>,
  request: Request,
  env: ControlEnv,
  context: ExecutionContext,
  denials = DENIALS,
): Promise<Response> {
  const visit = visitOf(request, env, context)
  let response: Response
  try {
    response = await app.fetch(request, { visit }, context)
  } catch (error) {
    response = crashed(error, visit.id)
  }
  const { who, operation, id: requestId, isRecorded } = visit
  if (!isRecorded && outcomeOf(response.status) === "denied") {
    denials.note(env, { who, operation, requestId, address: visit.sender.network }, response.status, context)
  }
  return secured(response, request, visit.id)
}

/** By the endpoint that the path was found to lead to, never by the path itself. */
function forbidden({ role, namespaced }: Endpoint, caller: WhoAmI): Response | undefined {
  if (role === "open") return undefined
  if (!allows(caller.role, role)) {
    return problem(403, `This takes the role ${role}; the token ${caller.name} has ${caller.role}.`)
  }
  if (caller.namespaces && !namespaced) return problem(403, `${limitsOf(caller)} This is about the whole mesh.`)
  return undefined
}

function routingPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1")
}

function methodsByPath(): Map<string, string[]> {
  const methods = new Map<string, string[]>()
  for (const { path, method } of TABLE) {
    const known = methods.get(path) ?? ["OPTIONS"]
    methods.set(path, method === "GET" ? ["GET", "HEAD", ...known] : [method, ...known])
  }
  return methods
}
