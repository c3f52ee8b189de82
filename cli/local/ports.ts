/** Whether a port can be listened on, found out before anything is built. */
import { createServer } from "node:net"
import type { Problem } from "#shared/model/problem.ts"
import { ownerOf } from "./port-owner.ts"

/** Everything local is reachable from this machine only. */
export const LOOPBACK = "127.0.0.1"

/** A port that a killed mesh held is free again within moments: its runtime ends right after it. */
const RETRIES = 10
const RETRY_MS = 100

/**
 * One problem for each port that is taken or named twice, by the option that chooses it; 0 stands for any free port and is
 * never a problem.
 */
export async function checkPorts(byOption: Readonly<Record<string, number>>): Promise<Problem[]> {
  const options = Object.keys(byOption)
  const problems = await Promise.all(
    options.map(async (option, index): Promise<Problem | undefined> => {
      const port = byOption[option]!
      if (port === 0) return undefined
      const twin = options.slice(0, index).find((other) => byOption[other] === port)
      if (twin) return repeated(option, port, twin)
      return (await becomesFree(port)) ? undefined : taken(option, port)
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

async function taken(option: string, port: number): Promise<Problem> {
  const owner = await ownerOf(port)
  return {
    path: option,
    rule: "port-taken",
    message: `port ${port} is taken${owner ? ` by \`${owner.command}\` (process ${owner.pid})` : " by another program"}`,
    hint: `stop ${owner ? "it" : "that program"}, or choose another port: ${option} ${elsewhere(port)}`,
  }
}

function repeated(option: string, port: number, twin: string): Problem {
  const hint = `choose another: ${option} ${elsewhere(port)}`
  return { path: option, rule: "port-repeated", message: `${port} is the port of ${twin} already`, hint }
}

/** Likely to be free, and easy to keep in mind. */
function elsewhere(port: number): number {
  return port + 1_000 > 65_535 ? 0 : port + 1_000
}
