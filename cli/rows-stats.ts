/** The commands that show what the mesh counted, a row each. */
import type { CommandRow } from "./command.ts"

const FROM = ["--from <service>", "only what this service sent; public: what came from outside", "text"] as const
const TO = ["--to <service>", "only what this service was sent", "text"] as const
const window = (fallback: string) =>
  ["--window <duration>", `how far back, 10s to 1h (default ${fallback})`, "duration"] as const

export const WATCHING: readonly CommandRow[] = [
  {
    path: "stat",
    args: "[what]",
    summary: "show success, rate and latency of services, subsets, routes or edges (default services)",
    options: [window("1m"), FROM, TO],
    control: true,
    data: true,
    examples: ["weft stat", "weft stat routes --window 10m", "weft stat edges --from storefront"],
    load: () => import("./commands/stat.ts"),
  },
  {
    path: "top",
    args: "[what]",
    summary: "show the same as it happens (default edges); q quits; without a terminal, one table after the other",
    options: [
      window("30s"),
      FROM,
      TO,
      ["--every <duration>", "how often (default 2s)", "duration"],
      ["--count <n>", "end after so many times", "count"],
    ],
    control: true,
    data: true,
    examples: ["weft top", "weft top routes --to orders", "weft top --count 1 -o json"],
    load: () => import("./commands/top.ts"),
  },
  {
    path: "tap",
    summary: "show exchanges as they happen, a line each, until Ctrl-C or its time is over",
    options: [
      FROM,
      TO,
      ["--route <route>", "only what this route took, or this rule of it: namespace/route/rule", "text"],
      ["--method <method>", "only this HTTP method, or RPC method", "text"],
      ["--path <prefix>", "only paths that begin so", "text"],
      ["--status <status>", "only answers with this status: 503, or 5xx", "text"],
      ["--slower <duration>", "only answers that took at least so long", "duration"],
      ["--header <name[=value]>", "only requests with this header; what it says is shown", "list"],
      ["--max-rps <n>", "at most so many a second (default 100)", "count"],
      ["--for <duration>", "end by itself after this (default 5m)", "duration"],
      ["--count <n>", "end after so many", "count"],
    ],
    control: true,
    data: true,
    examples: ["weft tap --to orders", "weft tap --status 5xx", "weft tap --from storefront --slower 500ms -o json"],
    load: () => import("./commands/tap.ts"),
  },
  {
    path: "trace",
    args: "<id>",
    summary: "show what was decided of one request, hop by hop: by its trace id, or its whole traceparent",
    control: true,
    data: true,
    examples: ["weft trace 4bf92f3577b34da6a3ce929d0e0e4736"],
    load: () => import("./commands/trace.ts"),
  },
  {
    path: "edges",
    summary: "list who calls whom",
    options: [window("1h"), FROM, TO],
    control: true,
    data: true,
    load: () => import("./commands/edges.ts"),
  },
  {
    path: "graph",
    summary: "draw who calls whom, for Mermaid or Graphviz",
    options: [
      ["--format <format>", "the drawing's language (default mermaid)", ["mermaid", "dot"]],
      window("1h"),
      FROM,
      TO,
    ],
    control: true,
    data: true,
    examples: ["weft graph > mesh.mmd", "weft graph --format dot | dot -Tsvg > mesh.svg"],
    load: () => import("./commands/graph.ts"),
  },
]
