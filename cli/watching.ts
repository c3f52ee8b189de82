/** A tap's stream of messages, over a WebSocket. */
import { TAP_MESSAGE_BYTES_MAX, type TapMessage } from "#shared/model/tap.ts"
import { EXIT, type Failure } from "./command.ts"
import type { Connection } from "./connection.ts"

/** Of Node's own client, which can send headers; the platform's types do not know of it. */
type SocketMaker = new (url: string, options: { readonly headers: Readonly<Record<string, string>> }) => WebSocket

/** Until `show` has seen enough, the other side ends it, or `stop` resolves. A failure when it could not be opened, or broke off. */
export function watchTap(
  { url, token }: Connection,
  query: URLSearchParams,
  show: (message: TapMessage) => boolean,
  stop: Promise<void>,
): Promise<Failure | undefined> {
  const address = `${url.replace(/^http/, "ws")}/v1/tap?${query}`
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const socket = new (WebSocket as unknown as SocketMaker)(address, { headers })
  return new Promise((resolve) => {
    let opened = false
    const end = (failure?: Failure) => {
      resolve(failure)
      socket.close()
    }
    stop.then(() => end())
    socket.addEventListener("open", () => {
      opened = true
    })
    socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string" || data.length > TAP_MESSAGE_BYTES_MAX) return
      if (!show(JSON.parse(data) as TapMessage)) end()
    })
    socket.addEventListener("close", ({ code }) => {
      if (code === 1000) end()
      else end(broken(url, opened))
    })
    socket.addEventListener("error", () => end(broken(url, opened)))
  })
}

function broken(url: string, opened: boolean): Failure {
  const message = opened ? `the stream from ${url} broke off` : `${url} opened no stream`
  return { exit: EXIT.unreachable, message, hint: opened ? "ask again" : "`weft status` says why, if it is the token" }
}
