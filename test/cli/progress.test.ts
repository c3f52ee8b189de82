import { describe, expect, it } from "vitest"
import type { Io } from "#cli/io.ts"
import { startProgress } from "#cli/progress.ts"

function start(terminal: boolean, patienceMs?: number) {
  const said: string[] = []
  const err: Io["err"] = { write: (text) => void said.push(text), terminal }
  let waiting: { readonly ms: number; readonly run: () => void } | undefined
  const later: Io["later"] = (ms, run) => {
    waiting = { ms, run }
    return () => {
      waiting = undefined
    }
  }
  const progress = startProgress({ err, later }, patienceMs)
  const pass = (ms: number) => {
    if (waiting && waiting.ms <= ms) waiting.run()
  }
  return { said, progress, pass }
}

describe("progress", () => {
  it("says nothing of what is quick", () => {
    const { said, progress, pass } = start(true)
    progress.say("working")
    pass(999)
    progress.end()
    pass(5_000)
    expect(said).toEqual([])
  })

  it("moves one line on a terminal, and takes it away", () => {
    const { said, progress, pass } = start(true)
    progress.say("2 left")
    pass(1_000)
    progress.say("2 left")
    progress.say("1 left")
    progress.end()
    progress.end()
    expect(said).toEqual(["\r\u001b[K2 left", "\r\u001b[K1 left", "\r\u001b[K"])
  })

  it("writes a line for each change elsewhere", () => {
    const { said, progress, pass } = start(false)
    progress.say("2 left")
    pass(1_000)
    progress.say("2 left")
    progress.say("1 left")
    progress.end()
    expect(said).toEqual(["2 left\n", "1 left\n"])
  })

  it("says the first step at once to whoever should not wait for it", () => {
    const { said, progress } = start(false, 0)
    progress.say("building")
    expect(said).toEqual(["building\n"])
  })

  it.each([
    [true, ["\r\u001b[Kworking", "\r\u001b[K", "a line\n", "\r\u001b[Kworking", "\r\u001b[K", "later\n"]],
    [false, ["working\n", "a line\n", "later\n"]],
  ])("lets other lines through (terminal: %s)", (terminal, all) => {
    const { said, progress } = start(terminal, 0)
    progress.say("working")
    progress.over(() => said.push("a line\n"))
    progress.end()
    progress.over(() => said.push("later\n"))
    expect(said).toEqual(all)
  })
})
