import { describe, expect, it } from "vitest"
import { admit, type Surroundings } from "#shared/exchange/admit.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { isRefusal } from "#shared/model/refusal.ts"

const EDGE: Surroundings = { edge: true, keepsAmbiguousNames: false }

function admitted(
  headers: readonly (readonly [string, string])[],
  surroundings = EDGE,
  door: "gateway" | "service" = "gateway",
) {
  const all = new Headers([["host", "app.test"], ...headers.map(([name, value]): [string, string] => [name, value])])
  return admit({ method: "GET", url: "http://app.test/x", headers: all }, door, surroundings)
}

function dropped(...args: Parameters<typeof admitted>): readonly string[] {
  const outcome = admitted(...args)
  if (isRefusal(outcome)) throw new Error(outcome.refusal)
  return outcome.dropped
}

describe("headers of the public", () => {
  it.each<[string, [string, string][], string[]]>([
    [
      "for this connection only",
      [
        ["te", "trailers"],
        ["proxy-connection", "x"],
      ],
      ["proxy-connection", "te"],
    ],
    [
      "what the client nominates",
      [
        ["connection", "x-a"],
        ["x-a", "1"],
      ],
      ["connection", "x-a"],
    ],
    [
      "what only the mesh may say",
      [
        ["weft-from", "a"],
        ["x-forwarded-for", "1.1.1.1"],
      ],
      ["weft-from", "x-forwarded-for"],
    ],
    [
      "names that others read as other names",
      [
        ["x_role", "admin"],
        ["x.role", "admin"],
      ],
      ["x.role", "x_role"],
    ],
    ["protocols other than WebSocket", [["upgrade", "h2c"]], ["upgrade"]],
  ])("are dropped: %s", (_what, headers, names) => {
    expect(dropped(headers)).toEqual(names)
  })

  it.each([["gzip, chunked"], ["chunked, chunked"], ["identity"], [""], ["xchunked"]])(
    "are refused with the transfer coding %j",
    (coding) => {
      expect(admitted([["transfer-encoding", coding]])).toMatchObject({ refusal: "bad_request" })
      expect(dropped([["transfer-encoding", "Chunked"]])).toEqual(["transfer-encoding"])
    },
  )

  it("pass otherwise, a WebSocket's upgrade too", () => {
    expect(
      dropped([
        ["upgrade", "WebSocket"],
        ["x-role", "a"],
        ["cookie", "a=1"],
        ["cf-ray", "1"],
      ]),
    ).toEqual([])
  })

  it("are the edge's own when they say so, where an edge is", () => {
    expect(admitted([["cf-connecting-ip", "1.2.3.4"]])).toMatchObject({ dropped: [], from: { edge: "1.2.3.4" } })
    const alone = { ...EDGE, edge: false }
    const outcome = admitted(
      [
        ["cf-connecting-ip", "1.2.3.4"],
        ["cf-ray", "1"],
        ["cf-access-jwt-assertion", "a.b.c"],
      ],
      alone,
    )
    expect(outcome).toMatchObject({ dropped: ["cf-connecting-ip", "cf-ray"], from: { edge: undefined } })
  })

  it("may have names with _ and . where the operator says so, but none that look like reserved ones", () => {
    const names = [
      ["x_role", "1"],
      ["weft_from", "1"],
      ["x_forwarded_for", "1"],
      ["cf_connecting_ip", "1"],
    ] as const
    expect(dropped(names, { ...EDGE, keepsAmbiguousNames: true })).toEqual([
      "cf_connecting_ip",
      "weft_from",
      "x_forwarded_for",
    ])
  })

  it("tell where they claim to be from, beside being dropped", () => {
    const outcome = admitted([
      ["x-forwarded-for", "1.1.1.1"],
      ["forwarded", "for=2.2.2.2"],
    ])
    expect(outcome).toMatchObject({ from: { forwardedFor: "1.1.1.1", forwarded: "for=2.2.2.2" } })
  })

  it.each([
    ["names", (count: number) => Array.from({ length: count - 1 }, (_, index) => [`x-${index}`, "v"] as const)],
    ["lines of one name", (count: number) => Array.from({ length: count - 1 }, () => ["x-a", "v"] as const)],
  ])("are refused when they are too many %s", (_what, many) => {
    // The host is one of them.
    expect(isRefusal(admitted(many(LIMITS.headersMax)))).toBe(false)
    expect(admitted(many(LIMITS.headersMax + 2))).toMatchObject({ refusal: "headers_too_large" })
  })

  it.each([
    ["a=1, b=2", "a=1; b=2"],
    ["a=1; b=2,c=3, d=4", "a=1; b=2; c=3; d=4"],
    // A comma that begins no cookie is part of one, against the rules as it is.
    ["day=Thu, 26 Nov; b=2", "day=Thu, 26 Nov; b=2"],
    ["a=1", undefined],
  ])("have all cookies in one line: %s", (sent, kept) => {
    const outcome = admitted([["cookie", sent]])
    expect("refusal" in outcome ? outcome : outcome.cookies).toBe(kept)
  })

  it("are refused when they are too large, cookies included", () => {
    expect(admitted([["cookie", "c".repeat(LIMITS.headerBytesMax)]])).toMatchObject({ refusal: "headers_too_large" })
  })
})

describe("headers of a service", () => {
  it("pass, but for those of a connection that it passes on", () => {
    expect(
      dropped(
        [
          ["x_role", "1"],
          ["x-forwarded-for", "1.1.1.1"],
          ["te", "x"],
        ],
        EDGE,
        "service",
      ),
    ).toEqual([])
    expect(
      dropped(
        [
          ["connection", "close"],
          ["te", "x"],
        ],
        EDGE,
        "service",
      ),
    ).toEqual(["connection", "te"])
  })
})
