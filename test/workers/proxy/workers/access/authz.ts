/** An authorizer that answers as `x-ask` says, and remembers what it was asked. `GET /asked` by the tests tells and forgets. */
interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const asked: Asked[] = []

export default {
  async fetch(request) {
    const { method, url, headers } = request
    if (new URL(url).hostname === "tests") return Response.json(asked.splice(0))
    asked.push({ method, url, headers: Object.fromEntries(headers), body: await request.text() })
    if (headers.get("weft-rpc") !== null)
      return new Response(null, { status: headers.get("weft-from") === "default/shop" ? 200 : 403 })
    switch (headers.get("x-ask")) {
      case "allow":
        return new Response("fine", { status: 201, headers: { "x-user": "alice", "x-more": "ignored" } })
      case "slow":
        await new Promise((resolve) => setTimeout(resolve, 60_000))
        return new Response()
      case "throw":
        throw new Error("the authorizer broke")
      case "500":
        return new Response("sorry", { status: 500 })
      case "login": {
        const answer = new Response("go and log in", {
          status: 302,
          headers: { location: "https://login.test/", "x-secret": "1" },
        })
        answer.headers.append("set-cookie", "a=1")
        answer.headers.append("set-cookie", "b=2")
        return answer
      }
      case "huge":
        return new Response("x".repeat(200_000), { status: 401, headers: { "content-type": "text/plain" } })
      case "endless":
        return new Response(new ReadableStream({ pull: () => new Promise(() => {}) }), {
          status: 403,
          headers: { "content-type": "text/plain" },
        })
      default:
        return new Response("no", {
          status: 401,
          headers: { "www-authenticate": "Bearer", "content-type": "text/plain" },
        })
    }
  },
} satisfies ExportedHandler
