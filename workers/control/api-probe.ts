/** The endpoint behind `weft doctor`. */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import { type Call, type Endpoint, endpoint, reply } from "./endpoint.ts"
import { routeTable } from "./mesh.ts"

const ticket = z
  .object({
    ticket: z.string().openapi({ description: "For the header `weft-probe` of requests to the proxy." }),
    expiresAtMs: z.number().int(),
  })
  .openapi("ProbeTicket")

export const PROBE: readonly Endpoint[] = [
  endpoint({
    method: "POST",
    path: "/v1/probe-ticket",
    role: "viewer",
    reads: true,
    group: "Mesh",
    summary: "Let a proxy say what it received",
    description:
      "A request that carries the ticket goes nowhere: the proxy answers with what it received of it, what the mesh would have gone on with, and how far its objects are. `weft doctor` asks so.",
    answers: { status: 200, description: "The ticket, good for five minutes.", schema: ticket },
    handle: makeTicket,
  }),
]

async function makeTicket({ env }: Call<object, object, undefined>): Promise<Response> {
  const expiresAtMs = Date.now() + LIMITS.probeTicketMs
  return reply({ ticket: await routeTable(env).probeTicket(), expiresAtMs })
}
