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
  it("says which port is taken, by the option that changes it, and by whom", async () => {
    const port = await occupy()
    const [problem, ...others] = await checkPorts({ "--ingress-port": port, "--control-port": 0 })
    expect(others).toEqual([])
    expect(problem).toMatchObject({
      path: "--ingress-port",
      rule: "port-taken",
      message: expect.stringContaining(`port ${port} is taken by `),
      hint: expect.stringMatching(/, or choose another port: --ingress-port \d+$/),
    })
    // Elsewhere it takes a program that may not be there.
    if (process.platform === "linux") expect(problem!.message).toContain(`(process ${process.pid})`)
  })

  it("waits for a port that becomes free", async () => {
    const port = await occupy()
    setTimeout(() => server!.close(), 150)
    expect(await checkPorts({ "--ingress-port": port })).toEqual([])
  })

  it("takes no port twice, except 0, which is any", async () => {
    const port = await occupy()
    const free = await new Promise<number>((resolve) => server!.close(() => resolve(port)))
    server = undefined
    const problems = await checkPorts({ "--ingress-port": free, "--control-port": free })
    // Somebody else may have taken it meanwhile.
    expect(problems.filter(({ path }) => path === "--control-port")).toMatchObject([{ rule: "port-repeated" }])
    expect(await checkPorts({ "--ingress-port": 0, "--control-port": 0 })).toEqual([])
  })
})
