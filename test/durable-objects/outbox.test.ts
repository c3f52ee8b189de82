/** The root's outbox with relays that hang, fail, or take everything. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { Outbox, type OutboxSurroundings } from "#durable-objects/outbox.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Acknowledgement, Bulletin } from "#shared/protocol/relay.ts"
import type { ControlEnv } from "#workers/control/env.ts"

const { ROUTE_TABLE } = env as unknown as ControlEnv
let tables = 0

const took = ({ head, news }: Bulletin): Acknowledgement => ({ ...head, news: news.version, idle: false })
const HAS_NOTHING: Acknowledgement = { revision: 0, digest: "", news: 0, idle: false }

/** An outbox over the storage of a real object. Relays answer as their names say. */
function story<T>(run: (world: ReturnType<typeof worldOf>) => Promise<T>): Promise<T> {
  return runInDurableObject(ROUTE_TABLE.getByName(`outbox-${tables++}`), (_object, { storage }) =>
    run(worldOf(storage.sql)),
  )
}

function worldOf(sql: SqlStorage) {
  const world = {
    revision: 1,
    pushes: [] as { name: string; revision: number; hasText: boolean }[],
    alarms: [] as number[],
  }
  const around: OutboxSurroundings = {
    newest: () => ({ revision: world.revision, news: 0 }),
    textBytes: () => 10,
    bulletin: (has) => {
      const head = { revision: world.revision, digest: `digest-${world.revision}` }
      return { head, ...(has.digest !== head.digest && { text: "text" }), news: { version: 0, feed: {} } }
    },
    target: (name) => ({
      push: async (bulletin) => {
        world.pushes.push({ name, revision: bulletin.head.revision, hasText: bulletin.text !== undefined })
        if (name === "hangs") return new Promise(() => {})
        if (name === "fails") throw new Error("down")
        return name === "idle" ? { ...took(bulletin), idle: true } : took(bulletin)
      },
      patienceMs: 200,
      gapMs: LIMITS.pushGapMs,
    }),
    wakeAt: (atMs) => world.alarms.push(atMs),
    waitUntil: () => {},
  }
  const open = () => new Outbox(sql, around)
  return {
    world,
    outbox: open(),
    open,
    acknowledged: (outbox: Outbox) => Object.fromEntries(outbox.list().map((one) => [one.name, one.acknowledged])),
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe("the outbox", () => {
  it("tells all who lack something, and nobody waits for one that hangs", () =>
    story(async ({ outbox, acknowledged }) => {
      for (const name of ["hangs", "fails", "oc", "weur"]) outbox.follow(name, HAS_NOTHING, Date.now())
      outbox.run(Date.now())
      await sleep(20)
      expect(acknowledged(outbox)).toEqual({ hangs: 0, fails: 0, oc: 1, weur: 1 })
    }))

  it("tries again later, and later each time", () =>
    story(async ({ outbox, world }) => {
      outbox.follow("fails", HAS_NOTHING, Date.now())
      outbox.run(Date.now())
      await sleep(10)
      outbox.run(Date.now())
      expect(world.pushes).toHaveLength(1)
      await sleep(LIMITS.pushPauseMs * 1.3)
      outbox.run(Date.now())
      await sleep(10)
      expect(world.pushes).toHaveLength(2)
      expect(outbox.list()[0]?.failures).toBe(2)
      expect(world.alarms.at(-1)! - Date.now()).toBeGreaterThan(LIMITS.pushPauseMs)
    }))

  it("sends the newest only, whatever came meanwhile", () =>
    story(async ({ outbox, world }) => {
      outbox.follow("oc", HAS_NOTHING, Date.now())
      for (world.revision = 1; world.revision < 50; world.revision++) outbox.run(Date.now())
      await sleep(LIMITS.pushGapMs * 2.5)
      expect(world.pushes.length).toBeLessThanOrEqual(3)
      expect(world.pushes.at(-1)?.revision).toBe(50)
    }))

  it("goes on where an object left off that died", () =>
    story(async ({ outbox, open, world, acknowledged }) => {
      outbox.follow("oc", HAS_NOTHING, Date.now())
      outbox.announce(Date.now())
      expect(world.alarms).toHaveLength(1)
      const next = open()
      next.run(Date.now())
      await sleep(10)
      expect(acknowledged(next)).toEqual({ oc: 1 })
    }))

  it("leaves out the text for who has it", () =>
    story(async ({ outbox, world }) => {
      outbox.follow("oc", { ...HAS_NOTHING, digest: "digest-1" }, Date.now())
      outbox.run(Date.now())
      await sleep(10)
      expect(world.pushes).toEqual([{ name: "oc", revision: 1, hasText: false }])
    }))

  it("forgets a relay that nobody asks, and one too many", () =>
    story(async ({ outbox, acknowledged }) => {
      outbox.follow("idle", HAS_NOTHING, Date.now())
      outbox.run(Date.now())
      await sleep(10)
      expect(acknowledged(outbox)).toEqual({})
      for (let index = 0; index <= LIMITS.relaysMax; index++) outbox.follow(`r${index}`, HAS_NOTHING, index)
      expect(outbox.list()).toHaveLength(LIMITS.relaysMax)
      expect(outbox.has("r0")).toBe(false)
    }))
})
