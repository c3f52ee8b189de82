/** The root's outbox with relays that hang, fail, or take everything. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Outbox, type OutboxSurroundings } from "#durable-objects/outbox.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Acknowledgement, Bulletin } from "#shared/protocol/relay.ts"
import { FAR_MS } from "#test/support/far-future.ts"
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

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: FAR_MS }))
afterEach(() => {
  vi.useRealTimers()
})

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms)
/** Pushes end in the background; that it is waited for too long is the test's end. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe("the outbox", () => {
  it("tells all who lack something, and nobody waits for one that hangs", () =>
    story(async ({ outbox, acknowledged }) => {
      for (const name of ["hangs", "fails", "oc", "weur"]) outbox.follow(name, HAS_NOTHING, Date.now())
      outbox.run(Date.now())
      await until(() => acknowledged(outbox).oc === 1 && acknowledged(outbox).weur === 1)
      expect(acknowledged(outbox)).toEqual({ hangs: 0, fails: 0, oc: 1, weur: 1 })
    }))

  it("tries again later, and later each time", () =>
    story(async ({ outbox, world }) => {
      outbox.follow("fails", HAS_NOTHING, Date.now())
      outbox.run(Date.now())
      const failures = () => outbox.list()[0]?.failures
      await until(() => failures() === 1)
      outbox.run(Date.now())
      expect(world.pushes).toHaveLength(1)
      pass(LIMITS.pushPauseMs * 1.3)
      outbox.run(Date.now())
      await until(() => failures() === 2)
      expect(world.pushes).toHaveLength(2)
      expect(world.alarms.at(-1)! - Date.now()).toBeGreaterThan(LIMITS.pushPauseMs)
    }))

  it("sends the newest only, whatever came meanwhile", () =>
    story(async ({ outbox, world, acknowledged }) => {
      outbox.follow("oc", HAS_NOTHING, Date.now())
      for (world.revision = 1; world.revision < 50; world.revision++) outbox.run(Date.now())
      await until(() => acknowledged(outbox).oc === 1)
      pass(LIMITS.pushGapMs * 2.5)
      await until(() => world.pushes.at(-1)?.revision === 50)
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
      await until(() => acknowledged(next).oc === 1)
    }))

  it("leaves out the text for who has it", () =>
    story(async ({ outbox, world }) => {
      outbox.follow("oc", { ...HAS_NOTHING, digest: "digest-1" }, Date.now())
      outbox.run(Date.now())
      await until(() => world.pushes.length > 0)
      expect(world.pushes).toEqual([{ name: "oc", revision: 1, hasText: false }])
    }))

  it("forgets a relay that nobody asks, and one too many", () =>
    story(async ({ outbox, acknowledged }) => {
      outbox.follow("idle", HAS_NOTHING, Date.now())
      outbox.run(Date.now())
      await until(() => !outbox.has("idle"))
      expect(acknowledged(outbox)).toEqual({})
      for (let index = 0; index <= LIMITS.relaysMax; index++) outbox.follow(`r${index}`, HAS_NOTHING, index)
      expect(outbox.list()).toHaveLength(LIMITS.relaysMax)
      expect(outbox.has("r0")).toBe(false)
    }))
})
