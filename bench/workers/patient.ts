/** An upstream that fails and dawdles as it is told, and counts how many requests it has at a time. */
let status = 200
let delayMs = 0
let arrived = 0
let underWay = 0
let most = 0

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === "/turn") {
      status = Number(searchParams.get("status"))
      delayMs = Number(searchParams.get("delayMs"))
      const before = { arrived, most }
      arrived = 0
      most = underWay
      return Response.json(before)
    }
    arrived += 1
    underWay += 1
    most = Math.max(most, underWay)
    try {
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
      return new Response("answered", { status })
    } finally {
      underWay -= 1
    }
  },
} satisfies ExportedHandler
