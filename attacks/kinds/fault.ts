/**
 * Cases of the kinds `fault` and `load` that need an object of the mesh to fail: a mesh of their own, whose rate limits are kept by a
 * Durable Object that is overloaded, down or slow, and that counts how often it is asked.
 */
import type { AttackCase } from "#attacks/case.ts"
import { unjudgedFigures } from "#attacks/judge/figures.ts"
import { failed, notUnderstood, type Outcome, passed } from "#attacks/outcome.ts"
import { addRules, documentOf, emptyStage, forwarding } from "#attacks/stage.ts"
import { answerOf, bytesOf, send } from "#attacks/wire.ts"
import { startWorld, type World } from "#attacks/world.ts"
import type { RateLimitDocument } from "#shared/model/document.ts"

type Mode = "overloaded" | "retryable" | "down" | "hanging"

interface Faulty {
  readonly says: RegExp
  readonly mode: Mode
  /** `exact` asks for each request, and waits for the answer. */
  readonly scope: "exact" | "mesh"
}

const FAULTS: readonly Faulty[] = [
  {
    says: /DO (?:throws|answers|fails with) \{? ?\.?overloaded(?:: ?true)?/i,
    mode: "overloaded",
    scope: "exact",
  },
  {
    says: /DO stub call inside a retried request|(?:DO|object) (?:throws|answers|fails with) \{? ?\.?retryable(?:: ?true)?/i,
    mode: "retryable",
    scope: "exact",
  },
  {
    says: /(?:global|mesh-wide|shared|rate) limit(?:er)? (?:DO|object) (?:is )?(?:down|unreachable|throws|fails|unavailable|gone|resets?)/i,
    mode: "down",
    scope: "mesh",
  },
  {
    says: /(?:global|mesh-wide|shared|rate) limit(?:er)? (?:DO|object) (?:is )?(?:slow|hangs|hanging|times out|never answers)/i,
    mode: "hanging",
    scope: "exact",
  },
]

const REQUESTS = 12
/** What one isolate lets pass by itself while the object is away. */
const LIMIT = { requests: 1_000, per: "1m" } as const
const PATIENT_MS = 2_000

export function needsFaultyObject({ setup }: AttackCase): boolean {
  return FAULTS.some(({ says }) => says.test(setup))
}

export async function runWithFaultyObject(one: AttackCase): Promise<Outcome> {
  const fault = FAULTS.find(({ says }) => says.test(one.setup))
  if (!fault) return notUnderstood(one, [`setup: ${one.setup}`])
  const world = await startWorld({ faulty: true })
  try {
    return await judge(one, fault, world)
  } finally {
    await world.stop()
  }
}

async function judge(one: AttackCase, { mode, scope }: Faulty, world: World): Promise<Outcome> {
  const stage = emptyStage()
  // What holds while the object is away is a setting: a case says by its status which one it is about.
  const whenUnavailable = one.expect.status.includes(200) ? "allow" : "deny"
  const rateLimits: RateLimitDocument[] = [{ ...LIMIT, scope, whenUnavailable }]
  const retry = { attempts: 2, on: ["5xx" as const], backoff: "5ms" }
  addRules(stage, "app.test", { ...forwarding("/"), rateLimits, retry })
  await world.apply(documentOf(stage, "binding", (service) => world.origin.urlOf(service)))
  await world.fail(mode)
  const unknown = unjudgedFigures(one, /<= ?\d+/.exec(one.expect.assert) ?? [])
  if (unknown.length > 0) return notUnderstood(one, unknown)
  const faults: string[] = []
  const statuses = new Set<number>()
  let slowestMs = 0
  for (let count = 0; count < REQUESTS; count++) {
    const startedAtMs = performance.now()
    statuses.add(answerOf(await send(world.ingressPort, bytesOf(one.request), one.request.method)).status)
    slowestMs = Math.max(slowestMs, performance.now() - startedAtMs)
  }
  const calls = await world.asked()
  for (const status of statuses)
    if (!one.expect.status.includes(status))
      faults.push(`status ${status} instead of ${one.expect.status.join(" or ")}`)
  if (calls === 0) faults.push("the object was never asked")
  // Whoever was told that it is overloaded asks no more for a while; nobody asks again for the same request.
  const most = /0 retries/.test(one.expect.assert)
    ? REQUESTS
    : Number(/<= ?(\d+)/.exec(one.expect.assert)?.[1] ?? 1) * REQUESTS
  if (calls > most) faults.push(`${REQUESTS} requests asked the object ${calls} times`)
  if (slowestMs > PATIENT_MS) faults.push(`a request took ${Math.round(slowestMs)} ms`)
  return faults.length > 0 ? failed(one, faults) : passed(one)
}
