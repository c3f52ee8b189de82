/**
 * Issuers that publish their keys as a test says: `PUT /publish/<issuer>` with `{ keys, behaviour, delayMs }`, read back at `/<issuer>`;
 * `GET /asked/<issuer>` says how often it was asked since then.
 */
interface Publication {
  readonly keys: unknown
  readonly behaviour?: "down" | "huge" | "wrong" | "elsewhere" | "endless" | "hangs"
  readonly delayMs?: number
}

const publications = new Map<string, Publication>()
const asked = new Map<string, number>()

export default {
  async fetch(request) {
    const { pathname, origin } = new URL(request.url)
    const [, first = "", second = ""] = pathname.split("/")
    if (first === "publish") {
      publications.set(second, await request.json())
      asked.set(second, 0)
      return new Response(null, { status: 204 })
    }
    if (first === "asked") return Response.json(asked.get(second) ?? 0)
    asked.set(first, (asked.get(first) ?? 0) + 1)
    const { keys, behaviour, delayMs = 0 } = publications.get(first) ?? { keys: [] }
    if (second === "elsewhere") return Response.json({ keys })
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    switch (behaviour) {
      case "down":
        return Response.json({ keys }, { status: 500 })
      case "huge":
        return Response.json({ keys, padding: "x".repeat(64 * 1024) })
      case "wrong":
        return new Response("<html>sign in</html>")
      case "elsewhere":
        return Response.redirect(`${origin}/${first}/elsewhere`)
      case "endless":
        return new Response(endless())
      case "hangs":
        return new Promise(() => {})
      default:
        return Response.json({ keys })
    }
  },
} satisfies ExportedHandler

function endless(): ReadableStream {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(1024).fill(0x20))
    },
  })
}
