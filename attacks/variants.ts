/**
 * `npm run attacks:variants -- [--count 200000] [--seed 1] [--mesh 4000] [--nginx nginx]`: tries so many different ways past policies
 * that keep people away from `/admin`, through the proxy's own code, and so many through a real mesh. Judges are models of servers,
 * and nginx itself where it is at hand. The exit code is 1 when there is a way through, which is told as short as it gets.
 */
import { parseArgs } from "node:util"
import * as fc from "fast-check"
import { breachesOf, GUARDED, GUARDED_HOST, OPEN, POLICIES, passed } from "./guarded.ts"
import { Nginx } from "./nginx.ts"
import { isBelow, reaches } from "./readings.ts"
import { walk } from "./walk.ts"
import { type Way, waysTo } from "./ways.ts"

export interface Tried {
  /** Different ones. */
  readonly ways: number
  /** Ways that would lead there, to one server or another, if nobody looked. */
  readonly leading: number
  /** Ways that at least one policy let through. */
  readonly passed: number
  /** What was let through by the policies about `/admin`. */
  readonly targets: ReadonlySet<string>
  /** The shortest way through that was found, and who takes it. */
  readonly breach: string | undefined
}

/** A batch of ways comes from a seed of its own, and batches come until there are enough that differ. */
export function tryWays(count: number, seed: number): Tried {
  const seen = new Set<string>()
  const targets = new Set<string>()
  let [leading, through] = [0, 0]
  const holds = fc.property(waysTo(GUARDED, OPEN, GUARDED_HOST), (way) => {
    const key = JSON.stringify(way)
    if (seen.has(key)) return true
    seen.add(key)
    if (reaches(way.target, [`/${GUARDED}`])) leading++
    const sent = passed(way)
    if (sent.some((one) => one !== undefined)) through++
    if (sent[ABOUT_PATHS]) targets.add(sent[ABOUT_PATHS].target)
    return breachesOf(sent).length === 0
  })
  let breach: string | undefined
  for (let batch = seed; seen.size < count && breach === undefined; batch++) {
    const { counterexample } = fc.check(holds, { seed: batch, numRuns: count - seen.size })
    breach = counterexample ? told(counterexample[0]) : undefined
  }
  return { ways: seen.size, leading, passed: through, targets, breach }
}

const ABOUT_PATHS = POLICIES.findIndex(({ name }) => name === "deny by prefix")

function told(way: Way): string {
  const by = breachesOf(passed(way)).map(({ policy, of, read }) => `${policy}: ${read} to ${of}`)
  return `${JSON.stringify(way)}: ${by.join(", ")}`
}

export async function main(args: readonly string[], write: (text: string) => void): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      count: { type: "string", default: "200000" },
      seed: { type: "string", default: "1" },
      mesh: { type: "string", default: "4000" },
      nginx: { type: "string", default: "nginx" },
    },
  })
  const [count, seed, sends] = [Number(values.count), Number(values.seed), Number(values.mesh)]
  const { ways, leading, passed, targets, breach } = tryWays(count, seed)
  write(`${ways} ways, of which ${leading} would lead to /${GUARDED}; ${passed} passed a policy (seed ${seed})\n`)
  const found = breach === undefined ? [] : [breach]
  const nginx = await Nginx.start(values.nginx)
  const ask = async (target: string) => nginx?.read(target)
  try {
    if (nginx) found.push(...(await byNginx(nginx, targets)))
    write(nginx ? `nginx read ${targets.size} of them\n` : "there is no nginx here: only its model judged\n")
    if (sends > 0) {
      const { sent, statuses, arrived, breaches } = await walk(sends, seed, ask)
      const told = [...statuses].sort().map(([status, times]) => `${times} × ${status}`)
      write(`${sent} sent through a mesh: ${told.join(", ")}; ${arrived} arrived\n`)
      found.push(...breaches)
    }
  } finally {
    await nginx?.stop()
  }
  for (const one of found.slice(0, 50)) write(`through: ${one}\n`)
  write(`${found.length} ways through\n`)
  return found.length > 0 ? 1 : 0
}

async function byNginx(nginx: Nginx, targets: ReadonlySet<string>): Promise<string[]> {
  const found: string[] = []
  for (const target of targets) {
    const read = await nginx.read(target)
    if (read !== undefined && isBelow(read, `/${GUARDED}`)) found.push(`${target} is ${read} to nginx itself`)
  }
  return found
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), (text) => process.stdout.write(text))
