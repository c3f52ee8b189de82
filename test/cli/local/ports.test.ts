import { createServer, type Server } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { checkPorts, LOOPBACK } from "#cli/local/ports.ts"

let server: Server | undefined
afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())))

function occupy(): Promise<number> {
  return new Promise((resolve) => {
    server = createServer().listen(0, LOOPBACK, () => resolve((server!.address() as { port: number }).port))
  })
}

describe("checkPorts", () => {
  it("says which port is taken, by its name, and how to find the culprit", async () => {
    const port = await occupy()
    expect(await checkPorts({ ingressPort: port, controlPort: 0 })).toMatchObject([
      { path: "ingressPort", rule: "port-taken", hint: expect.stringContaining(String(port)) },
    ])
  })

  it("waits for a port that becomes free", async () => {
    const port = await occupy()
    setTimeout(() => server!.close(), 150)
    expect(await checkPorts({ ingressPort: port })).toEqual([])
  })

  it("takes no port twice, except 0, which is any", async () => {
    const port = await occupy()
    const free = await new Promise<number>((resolve) => server!.close(() => resolve(port)))
    server = undefined
    expect(await checkPorts({ ingressPort: free, controlPort: free })).toMatchObject([
      { path: "controlPort", rule: "port-repeated" },
    ])
    expect(await checkPorts({ ingressPort: 0, controlPort: 0 })).toEqual([])
  })
})
