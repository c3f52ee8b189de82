/** Attempts side by side, with answers that come when the test says so. */
import { describe, expect, it } from "vitest"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import { hedged } from "#workers/proxy/hedge.ts"
import type { Entry } from "#workers/proxy/ledger.ts"
import type { Mesh } from "#workers/proxy/mesh.ts"

type Answer = Response | Refusal

const RETRY = { attempts: 1, on: ["5xx"], backoffMs: 1, unsafe: false, nested: false } as const
const later = (ms: number, answer: Answer) => new Promise<Answer>((resolve) => setTimeout(() => resolve(answer), ms))
const entry = { mayRetry: () => true } as unknown as Entry
const mesh = {
  nowMs: () => 0,
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  waitUntil() {},
} as unknown as Mesh

/** Runs the answers as attempts, one beside the other, and says which were given up on. */
async function race(...answers: (() => Promise<Answer> | Answer)[]) {
  const signals: AbortSignal[] = []
  const start = (signal: AbortSignal) => answers[signals.push(signal) - 1]!()
  const answer = await hedged(start, RETRY, { afterMs: 5, max: answers.length - 1 }, entry, mesh)
  const told = answer instanceof Response ? answer.status : answer.refusal
  return { told, abandoned: signals.map(({ aborted }) => aborted) }
}

describe("an attempt beside another one", () => {
  it("wins by a good answer, and the other is given up on", async () => {
    const { told, abandoned } = await race(
      () => later(200, new Response(null, { status: 200 })),
      () => later(5, new Response(null, { status: 204 })),
    )
    expect([told, abandoned]).toEqual([204, [true, false]])
  })

  it.each(["overloaded", "circuit_open", "no_healthy_endpoint"] as const)(
    "that is refused with %s leaves the first one to answer",
    async (name) => {
      const { told, abandoned } = await race(
        () => later(30, new Response(null, { status: 200 })),
        () => refuse(name),
      )
      expect([told, abandoned]).toEqual([200, [false, false]])
    },
  )

  it("that is the last to fail says why", async () => {
    const { told } = await race(
      () => later(10, refuse("upstream_unreachable")),
      () => later(20, refuse("overloaded")),
    )
    expect(told).toBe("overloaded")
  })
})
