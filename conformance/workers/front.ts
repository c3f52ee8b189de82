/**
 * Stands before the mesh where a cluster has its addresses: a request names by a header the binding that it comes in by. All
 * else of it goes on as it came, byte for byte.
 */
export default {
  fetch(request: Request, env: Readonly<Record<string, Fetcher>>): Response | Promise<Response> {
    const door = env[request.headers.get("x-conformance-door") ?? ""]
    if (!door) return new Response("no such door", { status: 599 })
    const isSecure = request.headers.get("x-conformance-scheme") === "https"
    const inner = isSecure ? new Request(request.url.replace(/^http:/, "https:"), request) : new Request(request)
    inner.headers.delete("x-conformance-door")
    inner.headers.delete("x-conformance-scheme")
    return door.fetch(inner)
  },
}
