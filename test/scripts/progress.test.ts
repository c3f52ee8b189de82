import { describe, expect, it } from "vitest"
import { Progress } from "#scripts/progress.ts"

function start(terminal: boolean) {
  const said: string[] = []
  return { said, progress: new Progress({ write: (text) => void said.push(text), terminal }, 1_000) }
}

describe("the progress of a long run", () => {
  it("is one line on a terminal that moves, and makes room for results", () => {
    const { said, progress } = start(true)
    progress.clear()
    progress.at("well, of 60 s", 2_000)
    progress.tick(3_000)
    progress.clear()
    expect(said).toEqual(["\r\u001b[K1 s  well, of 60 s", "\r\u001b[K2 s  well, of 60 s, for 1 s", "\r\u001b[K"])
  })

  it("is a line now and then elsewhere: of each phase that lasts, of short ones every few seconds, and of a long one again", () => {
    const { said, progress } = start(false)
    for (let revision = 1; revision <= 100; revision++) progress.at(`revision ${revision}`, 1_000 + revision * 100)
    progress.at("well", 20_000)
    for (let atMs = 20_000; atMs <= 55_000; atMs += 500) progress.tick(atMs)
    progress.clear()
    expect(said).toEqual(["0 s  revision 1\n", "5 s  revision 51\n", "19 s  well\n", "49 s  well, for 30 s\n"])
  })

  it("is nothing before the first word", () => {
    const { said, progress } = start(true)
    progress.tick(60_000)
    expect(said).toEqual([])
  })
})
