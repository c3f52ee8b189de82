import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { hear, type KeyList, newsSince } from "#shared/propagation/key-list.ts"
import type { ApiKeyNews } from "#shared/protocol/api-keys.ts"

const key = (id: string, version: number) => ({ id, hash: `${id} ${version}`, owner: "Acme", scopes: [], version })
const whole = (version: number, ...made: ApiKeyNews["made"]): ApiKeyNews => ({ version, whole: true, made, gone: [] })

describe("a list of API keys at a relay", () => {
  it("begins with the whole: of a part nobody knows what is missing", () => {
    expect(hear(undefined, { version: 3, made: [key("a", 3)], gone: [] })).toBeUndefined()
    expect(hear(undefined, whole(3, key("a", 1)))).toMatchObject({ version: 3, sinceVersion: 3 })
  })

  it("tells each what is new to him", () => {
    let list = hear(undefined, whole(3, key("a", 1), key("b", 3)))!
    list = hear(list, { version: 5, made: [key("c", 4)], gone: [{ id: "a", version: 5 }] })!
    expect(newsSince(list, 5)).toBeUndefined()
    expect(newsSince(list, 4)).toEqual({ version: 5, made: [], gone: [{ id: "a", version: 5 }] })
    expect(newsSince(list, 3)).toEqual({ version: 5, made: [key("c", 4)], gone: [{ id: "a", version: 5 }] })
    // What was revoked before the relay was told the whole it does not know.
    expect(newsSince(list, 2)).toEqual(whole(5, key("b", 3), key("c", 4)))
    expect(newsSince(list, -1)).toMatchObject({ whole: true })
  })

  it("does not go back by news that come late", () => {
    const list = hear(undefined, whole(3, key("a", 1)))!
    expect(hear(list, { version: 3, made: [], gone: [{ id: "a", version: 2 }] })).toBe(list)
  })

  it("forgets what was revoked when that is more than the list itself may be", () => {
    const list = hear(undefined, whole(1, key("a", 1)))!
    const gone = Array.from({ length: LIMITS.apiKeysMax + 1 }, (_, index) => ({ id: `k${index}`, version: index + 2 }))
    const later = hear(list, { version: gone.length + 1, made: [], gone })!
    expect(later.gone.size).toBe(0)
    expect(newsSince(later, 1)).toMatchObject({ whole: true, made: [{ id: "a" }] })
  })

  it("brings everybody to the same keys, whatever he knew, and by whichever relay", () => {
    const change = fc.record({ id: fc.constantFrom("a", "b", "c"), revoke: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(12), { maxLength: 4 }),
        fc.array(fc.nat(12), { maxLength: 4 }),
        (changes, relayAsks, isolateAsks) => {
          // The root: every change with its version, and what is valid then.
          const valid = new Map<string, ApiKeyNews["made"][number]>()
          const gone = new Map<string, { id: string; version: number }>()
          const rootAt: ((known: number) => ApiKeyNews | undefined)[] = []
          const truth: string[][] = []
          for (const [index, { id, revoke }] of changes.entries()) {
            const version = index + 1
            if (revoke) {
              valid.delete(id)
              gone.set(id, { id, version })
            } else {
              gone.delete(id)
              valid.set(id, key(id, version))
            }
            const [made, lost] = [[...valid.values()], [...gone.values()]]
            truth.push(made.map(({ hash }) => hash).sort())
            rootAt.push((known) => {
              if (known === version) return undefined
              if (known < 0) return whole(version, ...made)
              const isNew = (one: { version: number }) => one.version > known
              return { version, made: made.filter(isNew), gone: lost.filter(isNew) }
            })
          }
          let relay: KeyList | undefined
          const isolate = new Map<string, string>()
          let known = -1
          const asks = new Set([...relayAsks, changes.length - 1])
          for (const [index, answer] of rootAt.entries()) {
            if (asks.has(index)) {
              const news = answer(relay?.version ?? -1)
              if (news) relay = hear(relay, news)
            }
            if (!relay || !(isolateAsks.includes(index) || index === changes.length - 1)) continue
            const news = newsSince(relay, known)
            if (!news) continue
            if (news.whole) isolate.clear()
            for (const { id } of news.gone) isolate.delete(id)
            for (const { id, hash } of news.made) isolate.set(id, hash)
            known = news.version
            expect([...isolate.values()].sort()).toEqual(truth[known - 1])
          }
          expect([...isolate.values()].sort()).toEqual(truth.at(-1))
        },
      ),
      { numRuns: 500 },
    )
  })
})
