/** The last of a chain: fails as often as it is told, and counts. */
let failRate = 0
let arrived = 0

export default {
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === "/turn") {
      const before = arrived
      failRate = Number(searchParams.get("failRate"))
      arrived = 0
      return Response.json({ arrived: before })
    }
    arrived += 1
    return new Response("answered", { status: Math.random() < failRate ? 500 : 200 })
  },
} satisfies ExportedHandler
