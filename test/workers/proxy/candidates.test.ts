import { beforeAll, describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { digest } from "#shared/model/snapshot-codec.ts"
import { Candidates, divided } from "#workers/proxy/candidates.ts"
import { compiled } from "#workers/proxy/compiled.ts"
import { Ledger } from "#workers/proxy/ledger.ts"
import type { Candidate, Routes } from "#workers/proxy/mesh.ts"

const NOW_MS = 1_000_000
const around = { nowMs: () => NOW_MS, sleep: () => new Promise<void>(() => {}), log() {} }

function snapshotOf(percent: number): string {
  const content = { services: { same: {}, changed: { retryBudget: { percent } } } }
  const result = compile([], { documents: [{ source: "a", content }], prune: false, revision: 1 })
  if ("problems" in result) throw new Error(JSON.stringify(result.problems))
  return result.text
}

let stable: Routes
let text: string
let news: { revision: number; digest: string; share: number }
beforeAll(async () => {
  const before = snapshotOf(20)
  stable = (await compiled({ revision: 7, text: before, digest: await digest(before) }, NOW_MS)) as Routes
  text = snapshotOf(50)
  news = { revision: 8, digest: await digest(text), share: 50 }
})

const source = (found: string | undefined = text) => ({ text: async () => found })
const trace = (index: number) => index.toString(16).padStart(32, "0")

async function held(): Promise<{ candidates: Candidates; candidate: Candidate }> {
  const candidates = new Candidates(around)
  await candidates.hear(news, NOW_MS, stable, source())
  return { candidates, candidate: candidates.beside(stable)! }
}

describe("an isolate's candidate", () => {
  it("stands beside older routes, and not beside those that take its place", async () => {
    const { candidates, candidate } = await held()
    expect([candidate.routes.revision, candidate.routes.isCandidate, candidate.share]).toEqual([8, true, 50])
    expect(candidates.beside({ ...stable, revision: 8 })).toBeUndefined()
  })

  it("ends with the news of it, and is not brought back by news that come late", async () => {
    const { candidates } = await held()
    await candidates.hear(undefined, NOW_MS + 1, stable, source())
    await candidates.hear(news, NOW_MS, stable, source())
    expect(candidates.beside(stable)).toBeUndefined()
  })

  it("is not taken up when meanwhile it has ended", async () => {
    const candidates = new Candidates(around)
    const slow = Promise.withResolvers<string>()
    const hearing = candidates.hear(news, NOW_MS, stable, { text: () => slow.promise })
    await candidates.hear(undefined, NOW_MS + 1, stable, source())
    slow.resolve(text)
    await hearing
    expect(candidates.beside(stable)).toBeUndefined()
  })

  it("that it cannot serve is refused with a reason, until it is over", async () => {
    const candidates = new Candidates(around)
    const bad = '{"format":99}'
    await candidates.hear({ ...news, digest: await digest(bad) }, NOW_MS, stable, source(bad))
    expect(candidates.refused).toMatchObject({ revision: 8, reason: expect.any(String) })
    expect([candidates.beside(stable), candidates.isConcerned]).toEqual([undefined, true])
    await candidates.hear(undefined, NOW_MS + 1, stable, source())
    expect([candidates.refused, candidates.isConcerned]).toEqual([undefined, false])
  })

  it("that was damaged on its way, or did not come, is asked for again", async () => {
    const candidates = new Candidates(around)
    await candidates.hear(news, NOW_MS, stable, source("spoilt"))
    await candidates.hear(news, NOW_MS + 1, stable, source(undefined))
    await candidates.hear(news, NOW_MS + 2, stable, source())
    expect(candidates.beside(stable)?.routes.revision).toBe(8)
  })
})

describe("chains", () => {
  it("are divided by their trace, the same at each hop", async () => {
    const { candidate } = await held()
    const revisions = (of: Candidate) =>
      Array.from({ length: 1_000 }, (_, index) => divided(stable, of, 0, trace(index), NOW_MS).revision)
    expect(revisions(candidate)).toEqual(revisions((await held()).candidate))
    expect(Math.abs(revisions(candidate).filter((revision) => revision === 8).length - 500)).toBeLessThan(100)
  })

  it("that ask for the candidate get it, and none does when nothing was heard of it for long", async () => {
    const { candidate } = await held()
    candidate.share = 0
    expect(divided(stable, candidate, 8, trace(1), NOW_MS).revision).toBe(8)
    expect(divided(stable, candidate, 7, trace(1), NOW_MS).revision).toBe(7)
    candidate.share = 100
    expect(divided(stable, candidate, 0, trace(1), NOW_MS + LIMITS.candidateMs - 1).revision).toBe(8)
    expect(divided(stable, candidate, 8, trace(1), NOW_MS + LIMITS.candidateMs).revision).toBe(7)
  })
})

describe("what an isolate keeps of a service", () => {
  it("is shared where both revisions have it the same, apart where not, and follows when the candidate is everybody's", async () => {
    const { candidate } = await held()
    const { routes } = candidate
    const ledger = new Ledger({ roll: () => 0, breakers: () => undefined })
    const entry = (of: Routes, service: string) => ledger.entry(of, { service } as never)
    const beside = { ...stable, candidate }
    expect(routes.apart).toEqual(new Set(["default/changed"]))
    expect(entry(routes, "default/same")).toBe(entry(beside, "default/same"))
    const [before, tried] = [entry(beside, "default/changed"), entry(routes, "default/changed")]
    expect(tried).not.toBe(before)
    expect(entry(beside, "default/changed")).toBe(before)
    expect(entry(routes, "default/changed")).toBe(tried)
    const promoted = { ...routes, isCandidate: false, apart: undefined }
    expect(entry(promoted, "default/changed")).not.toBe(before)
    expect(entry(promoted, "default/same")).toBe(entry(beside, "default/same"))
  })
})
