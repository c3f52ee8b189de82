/** The control Worker's entry: the admin API, and the Durable Object classes that it hosts. */
export { RouteTableObject } from "#durable-objects/route-table.ts"
export { TokensObject } from "#durable-objects/tokens.ts"

export default {
  fetch: () => new Response("not yet", { status: 503 }),
}
