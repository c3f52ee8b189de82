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
  phrase(/upstream status (\d{3})/, (stage, [status]) => {
    plays(stage, { status: Number(status), headers: [], body: "" })
    // A Worker cannot give such an answer: its runtime throws.
    if (Number(status) < 200 || Number(status) > 599) stage.vias = ["url"]
  }),
  phrase(/(204|304) \+ body bytes/, (stage, [status]) => {
    plays(stage, {
      status: Number(status),
      headers: [],
      body: "",
      trailing: "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen",
    })
    stage.vias = ["url"]
  }),
  phrase(/upstream (?:hangs|never answers)/, (stage) =>
    plays(stage, { status: 200, headers: [], body: "", hangs: true }),
  ),
  phrase(/upstream sets (?:response )?header ([\w-]+): ([^.;]+)/, (stage, [name, value]) => {
    plays(stage, { status: 200, headers: [[name!, value!.trim()]], body: "" })
  }),
]

function plays(stage: Stage, reply: Reply): void {
  stage.script = { ...stage.script, upstream: { ...stage.script.upstream, "*": reply } }
}
