/** Stands for every server outside: keeps what is posted to it, and answers as a test has told it. A Worker of its own, and so plain JavaScript. */
const answers = new Map()
const received = []

export default {
  async fetch(request) {
    const { pathname, host } = new URL(request.url)
    if (host === "told.test") {
      const { at, status, headers } = await request.json()
      answers.set(at, { status, headers })
      return new Response(null, { status: 204 })
    }
    if (host === "received.test") return Response.json(received.splice(0))
    const { status, headers } = answers.get(host) ?? { status: 204 }
    if (status === "hangs") await new Promise((resolve) => setTimeout(resolve, 30_000))
    received.push({ host, pathname, status, headers: Object.fromEntries(request.headers), body: await request.text() })
    return new Response(null, { status, headers })
  },
}
