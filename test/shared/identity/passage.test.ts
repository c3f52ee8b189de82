import { describe, expect, it } from "vitest"
import { joined, type Passage, takeThrough } from "#shared/identity/passage.ts"

function passage(parts: Partial<Passage>): Passage {
  return { cleared: new Set(), marks: [], strip: [], ...parts }
}

describe("a request that leaves a checkpoint", () => {
  it("loses its credentials, and nothing else", () => {
    const headers = new Headers({ authorization: "Bearer a", "x-api-key": "k", cookie: "session=a; theme=dark" })
    const query = takeThrough(
      passage({
        strip: [
          { in: "header", name: "authorization", prefix: "Bearer" },
          { in: "query", name: "token", paths: [] },
          { in: "cookie", name: "session" },
        ],
      }),
      headers,
      "a=1&token=x&b=%20",
    )
    expect(query).toBe("a=1&b=%20")
    expect([...headers]).toEqual([
      ["cookie", "theme=dark"],
      ["x-api-key", "k"],
    ])
  })

  it("has no cookie header when the only cookie was a credential", () => {
    const headers = new Headers({ cookie: "session=a" })
    takeThrough(passage({ strip: [{ in: "cookie", name: "session" }] }), headers, "")
    expect(headers.has("cookie")).toBe(false)
  })

  it("has what the checkpoint says in the headers that it alone sets, also under names that servers take for the same", () => {
    const headers = new Headers({ "x-user": "eve", x_user: "eve", "x-role": "admin", "x-other": "1" })
    takeThrough(passage({ cleared: new Set(["x-user", "x-role"]), marks: [["x-user", "alice"]] }), headers, "")
    expect([...headers]).toEqual([
      ["x-other", "1"],
      ["x-user", "alice"],
    ])
  })
})

describe("two checkpoints, one after the other", () => {
  it("clear and strip what either does, and the later has the last word", () => {
    const first = passage({
      cleared: new Set(["x-user", "x-role"]),
      marks: [
        ["x-user", "alice"],
        ["x-role", "staff"],
      ],
      strip: [{ in: "cookie", name: "a" }],
    })
    const second = passage({ cleared: new Set(["x-role", "x-plan"]), marks: [["x-plan", "gold"]] })
    expect(joined([first, second])).toEqual({
      cleared: new Set(["x-user", "x-role", "x-plan"]),
      marks: [
        ["x-user", "alice"],
        ["x-plan", "gold"],
      ],
      strip: [{ in: "cookie", name: "a" }],
    })
  })
})
