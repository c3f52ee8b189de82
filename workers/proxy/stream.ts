/** A response whose body breaks off when nothing comes for too long: a stream that stands still would hold its caller for ever. */

/** `onSilence` tells the upstream that nobody listens any more. */
export function withIdleLimit(response: Response, idleMs: number, onSilence: () => void): Response {
  if (!response.body || response.webSocket) return response
  const reader = response.body.getReader()
  const body = new ReadableStream({
    async pull(controller) {
      let timer: ReturnType<typeof setTimeout> | null = null
      const silence = new Promise<"silence">((resolve) => {
        timer = setTimeout(() => resolve("silence"), idleMs)
      })
      const next = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer))
      if (next === "silence") {
        controller.error(new Error("weft: the upstream's answer stood still for too long"))
        onSilence()
      } else if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
  return new Response(body, response)
}
