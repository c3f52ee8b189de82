import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LogFile, MESSAGE_CHARS_MAX } from "#cli/local/log-file.ts"
import type { LogLine } from "#cli/local/logs.ts"
import { startMeshLog } from "#cli/local/mesh-log.ts"
import { folderOf } from "#test/support/cli.ts"

const line = (message: string): LogLine => ({ worker: "orders", level: "error", message, atMs: 1_000 })
const FAILURE = line("not charged: Error: 503\n    at charge (index.js:3:1)")

describe("the log file", () => {
  it("has every line in full, with its time, its level and its Worker, for its owner only", () => {
    const path = join(folderOf({}), "mesh.log")
    const file = new LogFile(path)
    file.write(FAILURE)
    file.write({ worker: undefined, level: "info", message: "ready", atMs: 2_000 })
    file.close()
    expect(readFileSync(path, "utf8")).toBe(
      "1970-01-01T00:00:01.000Z error [orders] not charged: Error: 503\n    at charge (index.js:3:1)\n" +
        "1970-01-01T00:00:02.000Z info [runtime] ready\n",
    )
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it("never takes more than twice its bound, and keeps the newest", () => {
    const path = join(folderOf({}), "mesh.log")
    const file = new LogFile(path, 1_000)
    for (let index = 0; index < 200; index++) file.write(line(`order ${index}`))
    file.close()
    expect(statSync(path).size).toBeLessThanOrEqual(1_000)
    expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(1_000)
    const kept = readFileSync(`${path}.1`, "utf8") + readFileSync(path, "utf8")
    expect(kept).toMatch(/order 198\n.*order 199\n$/)
    expect(kept.split("\n").length).toBeGreaterThan(20)
  })

  it("goes on where the last mesh ended", () => {
    const path = join(folderOf({ "mesh.log": "before\n" }), "mesh.log")
    const file = new LogFile(path, 100)
    file.write(line("now"))
    file.write(line("x".repeat(60)))
    file.close()
    expect(readFileSync(`${path}.1`, "utf8")).toMatch(/^before\n.* now\n$/)
  })

  it("cuts a message that would fill it alone", () => {
    const path = join(folderOf({}), "mesh.log")
    const file = new LogFile(path)
    file.write(line("x".repeat(MESSAGE_CHARS_MAX + 7)))
    file.close()
    expect(readFileSync(path, "utf8")).toMatch(/x… \(7 characters more\)\n$/)
  })
})

describe("the log of a mesh", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it("shows a failure once and tells the file, counts the others every ten seconds, and keeps all of them", () => {
    const path = join(folderOf({}), "mesh.log")
    const shown: string[] = []
    const log = startMeshLog({ path, stacks: false, show: ({ message }) => shown.push(message) })
    for (let time = 0; time < 5; time++) log.take(FAILURE)
    log.take(line("one line of one's own"))
    expect(shown.splice(0)).toEqual([
      "not charged: Error: 503",
      `failures are shown once, then counted; in full: ${path}`,
      "one line of one's own",
    ])
    vi.advanceTimersByTime(10_000)
    expect(shown.splice(0)).toEqual(["not charged: Error: 503 (4 more)"])
    log.take(FAILURE)
    log.end()
    expect(shown).toEqual(["not charged: Error: 503 (1 more)"])
    expect(readFileSync(path, "utf8").match(/at charge/g)).toHaveLength(6)
  })

  it("shows everything where it cannot be written down", () => {
    const path = join(folderOf({}), "nowhere", "mesh.log")
    const shown: string[] = []
    const log = startMeshLog({ path, stacks: false, show: ({ message }) => shown.push(message) })
    log.take(FAILURE)
    log.take(FAILURE)
    log.end()
    expect(shown).toEqual([FAILURE.message, FAILURE.message])
  })

  it("writes also where nobody looks, and nothing that a terminal obeys", () => {
    const path = join(folderOf({}), "mesh.log")
    const log = startMeshLog({ path, stacks: false })
    log.take(line("red \u001b[31malert\u001b[0m\rover\b"))
    log.end()
    expect(existsSync(path)).toBe(true)
    expect(readFileSync(path, "utf8")).toMatch(/ red alert over\\u0008\n$/)
  })
})
