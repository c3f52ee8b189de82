/** Attempts side by side, with answers that come when the test says so. */
import { describe, expect, it } from "vitest"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import { StoryTime } from "#test/support/story-time.ts"
import { hedged } from "#workers/proxy/hedge.ts"
import type { Entry } from "#workers/proxy/ledger.ts"
import type { Mesh } from "#workers/proxy/mesh.ts"

type Answer = Response | Refusal

const RETRY = { attempts: 1, on: ["5xx"], backoffMs: 1, unsafe: false, nested: false } as const
const FIRST_MS = 1_000_000
const entry = { mayRetry: () => true } as unknown as Entry
type Later = (ms: number, answer: Answer) => Promise<Answer>

/** Runs the answers as attempts, one beside the other, and says which were given up on. */
async function race(...answers: ((later: Later) => Promise<Answer> | Answer)[]) {
  const time = new StoryTime(FIRST_MS)
  const later: Later = (ms, answer) => time.sleep(ms).then(() => answer)
  const mesh = { nowMs: () => time.nowMs, sleep: time.sleep, waitUntil() {} } as unknown as Mesh
  const signals: AbortSignal[] = []
  const start = (signal: AbortSignal) => answers[signals.push(signal) - 1]!(later)
  const racing = hedged(start, RETRY, { afterMs: 5, max: answers.length - 1 }, entry, mesh)
  await time.pass(1_000)
  const answer = await racing
  const told = answer instanceof Response ? answer.status : answer.refusal
  return { told, abandoned: signals.map(({ aborted }) => aborted) }
}

describe("an attempt beside another one", () => {
  it("wins by a good answer, and the other is given up on", async () => {
    const { told, abandoned } = await race(
      (later) => later(200, new Response(null, { status: 200 })),
      (later) => later(5, new Response(null, { status: 204 })),
    )
    expect([told, abandoned]).toEqual([204, [true, false]])
  })

  it.each(["overloaded", "circuit_open", "no_healthy_endpoint"] as const)(
    "that is refused with %s leaves the first one to answer",
    async (name) => {
      const { told, abandoned } = await race(
        (later) => later(30, new Response(null, { status: 200 })),
        () => refuse(name),
      )
      expect([told, abandoned]).toEqual([200, [false, false]])
    },
  )

  it("that is the last to fail says why", async () => {
    const { told } = await race(
      (later) => later(10, refuse("upstream_unreachable")),
      (later) => later(20, refuse("overloaded")),
    )
    expect(told).toBe("overloaded")
  })
})
