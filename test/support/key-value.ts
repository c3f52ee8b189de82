/** A KV namespace as the runtime asks for it, in memory: `GET /key`, `PUT /key`. */
import { once } from "node:events"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"

export interface KeyValue {
  readonly port: number
  readonly values: ReadonlyMap<string, Buffer>
  stop(): void
}

export async function startKeyValue(): Promise<KeyValue> {
  const values = new Map<string, Buffer>()
  const server: Server = createServer(async (request, response) => {
    const key = decodeURIComponent(new URL(request.url ?? "/", "http://kv").pathname.slice(1))
    if (request.method === "PUT") {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      values.set(key, Buffer.concat(chunks))
      response.end()
      return
    }
    const value = values.get(key)
    response.statusCode = value ? 200 : 404
    response.end(value)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    port: (server.address() as AddressInfo).port,
    values,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}
