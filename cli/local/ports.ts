/** Whether a port can be listened on, found out before anything is built. */
import { createServer } from "node:net"
import type { Problem } from "#shared/model/problem.ts"

/** Everything local is reachable from this machine only. */
export const LOOPBACK = "127.0.0.1"

/** A port that a killed mesh held is free again within moments: its runtime ends right after it. */
const RETRIES = 10
const RETRY_MS = 100

/** One problem for each port that is taken or named twice; 0 stands for any free port and is never a problem. */
export async function checkPorts(ports: Readonly<Record<string, number>>): Promise<Problem[]> {
  const names = Object.keys(ports)
  const problems = await Promise.all(
    names.map(async (name, index): Promise<Problem | undefined> => {
      const port = ports[name]!
      const twin = names.slice(0, index).find((other) => ports[other] === port)
      if (port === 0) return undefined
      if (twin)
        return {
          path: name,
          rule: "port-repeated",
          message: `${port} is the port of ${twin} already`,
          hint: "choose another",
        }
      return (await becomesFree(port)) ? undefined : taken(name, port)
    }),
  )
  return problems.filter((problem) => problem !== undefined)
}

async function becomesFree(port: number): Promise<boolean> {
  for (let attempt = 0; attempt < RETRIES; attempt++) {
    if (await isFree(port)) return true
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
  return false
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function taken(name: string, port: number): Problem {
  const message = `port ${port} is taken by another program`
  return {
    path: name,
    rule: "port-taken",
    message,
    hint: `stop that program (\`lsof -i :${port}\` names it) or choose another port`,
  }
}
