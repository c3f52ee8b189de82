/** A way between two processes that can be made slow, or swallow all that goes over it. */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"

export class Link {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #lateMs = 0
  #to: number

  private constructor(to: number) {
    this.#to = to
    this.#server = createServer((near) => {
      const far = connect(this.#to, "127.0.0.1")
      this.#carry(near, far)
      this.#carry(far, near)
    })
  }

  static async to(port: number): Promise<Link> {
    const link = new Link(port)
    link.#server.listen(0, "127.0.0.1")
    await once(link.#server, "listening")
    return link
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** From now on it leads here. */
  aim(port: number): void {
    this.#to = port
  }

  /** From now on what goes over it takes so much longer, each way; infinitely long, and nobody is told. */
  setLate(ms: number): void {
    // A connection of which something was swallowed is of no use any more.
    if (this.#lateMs === Number.POSITIVE_INFINITY) for (const socket of this.#sockets) socket.destroy()
    this.#lateMs = ms
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    let last: Promise<unknown> = Promise.resolve()
    from.on("data", (chunk) => {
      if (this.#lateMs === Number.POSITIVE_INFINITY) return
      const arrives = this.#lateMs > 0 ? new Promise((resolve) => setTimeout(resolve, this.#lateMs)) : undefined
      if (!arrives) {
        // What went before may still be on its way.
        last = last.then(() => to.writable && to.write(chunk))
        return
      }
      last = Promise.all([last, arrives]).then(() => to.writable && to.write(chunk))
    })
    from.on("error", () => {})
    from.on("close", () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }
}
