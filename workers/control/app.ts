/** The life of a request to the control API: guard, authenticate, find the endpoint, check the role, read, handle. */
import { OpenAPIHono } from "@hono/zod-openapi"
import type { WhoAmI } from "#shared/protocol/control-api.ts"
import { ENDPOINTS } from "./api.ts"
import { allows, authenticate } from "./auth.ts"
import { type Endpoint, endpoint, reply } from "./endpoint.ts"
import type { ControlEnv } from "./env.ts"
import { guard, secured } from "./guard.ts"
import { readBody, readParams, readQuery } from "./input.ts"
import { describeApi } from "./openapi.ts"
import { crashed, problem } from "./problems.ts"
import { renderReference } from "./reference.ts"
import { query } from "./schemas.ts"

type AppEnv = { Bindings: ControlEnv; Variables: { caller: WhoAmI } }

const DOCUMENT: Endpoint = endpoint({
  method: "GET",
  path: "/openapi.json",
  role: "viewer",
  group: "This API",
  summary: "The OpenAPI 3.1 document of this API",
  answers: { status: 200, description: "The document." },
  handle: ({ request }) => reply(describeApi(TABLE, new URL(request.url).origin)),
})

const REFERENCE: Endpoint = endpoint({
  method: "GET",
  path: "/reference",
  role: "viewer",
  group: "This API",
  summary: "This API as a page to read",
  answers: { status: 200, description: "The page.", contentType: "text/html" },
  handle: ({ request }) => renderReference(describeApi(TABLE, new URL(request.url).origin)),
})

/** Every endpoint there is. */
export const TABLE: readonly Endpoint[] = [...ENDPOINTS, DOCUMENT, REFERENCE]

const OPEN_PATHS = new Set(TABLE.filter(({ role }) => role === "open").map(({ path }) => path))

/** The caller of an open endpoint, which asks for nobody. */
const NOBODY: WhoAmI = { name: "nobody", role: "viewer" }

export function createApp(): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>()

  app.use("*", async (context, next) => {
    const refusal = guard(context.req.raw)
    if (refusal) return refusal
    const isRead = context.req.method === "GET" || context.req.method === "HEAD"
    if (isRead && OPEN_PATHS.has(context.req.path)) {
      context.set("caller", NOBODY)
    } else {
      const caller = await authenticate(context.req.raw, context.env)
      if (caller instanceof Response) return caller
      context.set("caller", caller)
    }
    return next()
  })

  for (const endpoint of TABLE) {
    app.on(endpoint.method, routingPath(endpoint.path), (context) =>
      answer(endpoint, context.req.raw, context.req.param(), context.env, context.get("caller")),
    )
  }
  for (const [path, methods] of methodsByPath()) {
    const allow = methods.join(", ")
    app.options(routingPath(path), () => new Response(null, { status: 204, headers: { allow } }))
    app.all(routingPath(path), () => problem(405, `This path takes ${allow}.`, { headers: { allow } }))
  }
  app.notFound(() => problem(404, "There is no such path."))
  app.onError((error) => crashed(error, crypto.randomUUID()))
  return app
}

/** Every response of the control Worker, whoever made it, leaves through here. */
export async function serve(
  app: OpenAPIHono<AppEnv>,
  request: Request,
  env: ControlEnv,
  context: ExecutionContext,
): Promise<Response> {
  return secured(await app.fetch(request, env, context))
}

async function answer(
  endpoint: Endpoint,
  request: Request,
  path: Record<string, string>,
  env: ControlEnv,
  caller: WhoAmI,
): Promise<Response> {
  if (endpoint.role !== "open" && !allows(caller.role, endpoint.role)) {
    return problem(403, `This takes the role ${endpoint.role}; the token ${caller.name} has ${caller.role}.`)
  }
  const url = new URL(request.url)
  const queried = readQuery(url, endpoint.query ?? query.none)
  if (queried instanceof Response) return queried
  const params = endpoint.params ? readParams(path, endpoint.params) : { value: {} }
  if (params instanceof Response) return params
  const body = endpoint.body ? await readBody(request, endpoint.body) : { value: { json: undefined, text: "" } }
  if (body instanceof Response) return body
  const { json, text } = body.value
  return endpoint.handle({ env, caller, params: params.value, query: queried.value, body: json, text, request })
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
