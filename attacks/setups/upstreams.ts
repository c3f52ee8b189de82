/** Phrases about upstreams that answer what no upstream should. */
import type { Stage } from "#attacks/stage.ts"
import type { Reply } from "#attacks/upstream.ts"
import { type Phrase, phrase } from "./grammar.ts"

export const UPSTREAMS: readonly Phrase[] = [
  phrase(/upstream answers (3\d\d) to (\S+)/, (stage, [status, location]) => {
    plays(stage, { status: Number(status), headers: [["location", location!]], body: "" })
  }),
  phrase(/upstream answers 200 \+ upgrade to a websocket request/, (stage) => {
    const headers = [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
    ] as const
    plays(stage, { status: 200, headers, body: "not a socket" })
  }),
  phrase(/upstream (?:status|answers status|answers with status) (\d{1,4})/, (stage, [status]) => {
    plays(stage, { status: Number(status), headers: [], body: "" })
    // A Worker cannot give such an answer: its runtime throws.
    if (Number(status) < 200 || Number(status) > 599) stage.vias = ["url"]
  }),
  phrase(/(?:upstream answers )?(204|304) \+ body bytes/, (stage, [status]) => {
    plays(stage, {
      status: Number(status),
      headers: [],
      body: "",
      trailing: "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen",
    })
    stage.vias = ["url"]
  }),
  // A Worker cannot answer so, and the runtime reads for it what comes from others.
  phrase(
    /upstream (?:answers|sends|returns) (?:a )?(?:response )?header with (?:a )?(?:bare )?(CR|LF|NUL)/,
    (stage, [end]) => {
      // The runtime takes a bare LF for the end of a line, so that what follows is a header of its own.
      if (/lf/i.test(end!)) stage.argued = "framed-anew"
      const ends: Readonly<Record<string, string>> = { CR: "\r", LF: "\n", NUL: "\0" }
      plays(stage, { status: 200, headers: [["x-a", `a${ends[end!.toUpperCase()]}x-admin: 1`]], body: "" })
      stage.vias = ["url"]
    },
  ),
  phrase(/upstream (?:answers|sends|returns) (?:with )?two content-lengths?/, (stage) => {
    plays(stage, { status: 200, headers: [["content-length", "3"]], body: "twofold" })
    stage.vias = ["url"]
  }),
  phrase(/upstream (?:answers|sends|returns) (?:with )?content-length and transfer-encoding/, (stage) => {
    const chunked = "4\r\nkept\r\n0\r\n\r\n"
    plays(stage, { status: 200, headers: [["transfer-encoding", "chunked"]], body: chunked })
    stage.vias = ["url"]
  }),
  phrase(
    /upstream (?:answers|response|sends)(?: with)?:? connection: ([\w-]+)(?:; ([\w-]+): ([^.;]+))?/,
    (stage, words) => {
      const [nominated, name, value] = words
      const named = name === "" ? [] : [[name!, value!.trim()] as const]
      plays(stage, { status: 200, headers: [["connection", nominated!], ...named], body: "" })
      stage.facts = { ...stage.facts, keptFromClient: nominated!.toLowerCase() }
    },
  ),
  phrase(
    /upstream (?:answers|sends|returns) (?:with )?(?:a )?headers? of ([\d,]+) ?([KM])i?B/,
    (stage, [count, unit]) => {
      plays(stage, { status: 200, headers: [["x-large", "x".repeat(bytesIn(count!, unit!))]], body: "" })
      stage.vias = ["url"]
    },
  ),
  phrase(
    /upstream (?:closes|resets|aborts|breaks off|disconnects)(?: (?:the |its )?connection)?(?: mid-\w+| early| at once| before \w+)?/,
    (stage) => plays(stage, { status: 200, headers: [], body: "", fails: true }),
  ),
  phrase(/upstream answers 101 (?:without upgrade )?to a plain (?:GET|request)/, (stage) => {
    plays(stage, { status: 101, headers: [], body: "" })
    stage.vias = ["url"]
  }),
  phrase(
    /upstream (?:is )?(?:always )?(?:answers |returns )?(?:100 ?% )?(5\d\d)(?: for 100 ?% of requests)?/,
    (stage, [status]) => {
      plays(stage, { status: Number(status), headers: [], body: "failed on purpose" })
    },
  ),
  phrase(/upstream (?:is )?(?:down|unreachable|refuses connections)/, (stage) =>
    plays(stage, { status: 200, headers: [], body: "", fails: true }),
  ),
  phrase(/upstream (?:hangs|never answers|is slow|times out)/, (stage) =>
    plays(stage, { status: 200, headers: [], body: "", hangs: true }),
  ),
  phrase(/upstream (?:answers|returns|sends)(?: with)? ([\d,]+) ?([KM])i?B(?: body)?/, (stage, [count, unit]) =>
    plays(stage, { status: 200, headers: [], body: "x".repeat(bytesIn(count!, unit!)) }),
  ),
  phrase(/upstream (?:answers|returns|sends)(?: with)? ([\d,]+) headers/, (stage, [count]) => {
    const headers = Array.from(
      { length: Number(count!.replaceAll(",", "")) },
      (_, index) => [`x-h${index}`, "v"] as const,
    )
    plays(stage, { status: 200, headers, body: "" })
  }),
  phrase(
    /upstream (?:answers|returns|sends)(?: with)? (\d{3})(?: (?:with|and|\+) (?:a )?(?:stack trace|internal message)(?: in the body)?)/,
    (stage, [status]) =>
      plays(stage, { status: Number(status), headers: [], body: "Error: secret\n    at main.js:1:1" }),
  ),
  phrase(
    /upstream (?:answers|returns|sends|sets)(?: with)? (?:(\d{3}) (?:with|and|\+) )?(?:a )?(?:set-)?cookie:? (\w+=\w+)/,
    (stage, [status, cookie]) =>
      plays(stage, { status: Number(status || 200), headers: [["set-cookie", cookie!]], body: "" }),
  ),
  phrase(
    /upstream (?:answers|returns|sends)(?: with)? (\d{3}) (?:with|and|\+) ([\w-]+): ([^.;]+)/,
    (stage, [status, name, value]) =>
      plays(stage, { status: Number(status), headers: [[name!.toLowerCase(), value!.trim()]], body: "" }),
  ),
  phrase(/upstream sets (?:response )?header ([\w-]+): ([^.;]+)/, (stage, [name, value]) => {
    plays(stage, { status: 200, headers: [[name!, value!.trim()]], body: "" })
  }),
]

function bytesIn(count: string, unit: string): number {
  return Number(count.replaceAll(",", "")) * (unit.toUpperCase() === "M" ? 1_048_576 : 1_024)
}

function plays(stage: Stage, reply: Reply): void {
  stage.script = { ...stage.script, upstream: { ...stage.script.upstream, "*": reply } }
}
