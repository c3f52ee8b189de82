/** The commands that change the mesh. */
import type { CommandRow } from "./command.ts"

export const FILES = [
  "-f, --file <path>",
  "file, folder or - for standard input; YAML, JSON or weft.config.ts; may be repeated",
  "list",
] as const
export const NAMESPACE = ["-n, --namespace <namespace>", "namespace", "text"] as const
const MESSAGE = ["-m, --message <text>", "why, for the history", "text"] as const
const PRUNE = ["--prune", "also remove everything that the documents do not declare"] as const
const WAIT = ["--wait", "wait until every live proxy isolate serves the new revision"] as const
const TIMEOUT = ["--timeout <duration>", "how long --wait waits (default 30s)", "duration"] as const

const GUARD = ["--guard", "let it out in stages, and undo it when it fares worse"] as const
const PREVIEW = ["--preview", "say what would become of recent requests, and change nothing"] as const
const STAGES = ["--stages <percents>", "of request chains, for --guard (default 1,100)", "text"] as const
const HOLD = ["--hold <duration>", "how long a stage lasts at least, for --guard (default 60s)", "duration"] as const
const REQUESTS = [
  "--requests <n>",
  "how many requests a stage wants to see, for --guard (default 20)",
  "count",
] as const
const PATIENCE = [
  "--patience <duration>",
  "how much longer than --hold a stage waits for them, for --guard (default four times --hold)",
  "duration",
] as const
const TOO_FEW = [
  "--too-few <what>",
  "what becomes of it when they have not come by then, for --guard (default undo)",
  ["undo", "advance"],
] as const
const NOW = ["--now", "break the glass: at once, without a look, a question or a guard"] as const

export const CHANGING: readonly CommandRow[] = [
  {
    path: "apply",
    summary: "make the mesh as documents say",
    options: [
      ...[FILES, ["--dry-run", "say what would change, and change nothing"] as const, PRUNE, WAIT, TIMEOUT, MESSAGE],
      ...[PREVIEW, GUARD, STAGES, HOLD, REQUESTS, PATIENCE, TOO_FEW],
    ],
    control: true,
    confirms: true,
    data: true,
    examples: [
      "weft apply -f mesh.yaml --wait",
      "weft apply -f mesh/ --prune -m 'drop the old shop'",
      "weft apply -f mesh.yaml --guard --stages 1,10,100 --wait",
    ],
    load: () => import("./commands/apply.ts"),
  },
  {
    path: "diff",
    args: "[from] [to]",
    summary: "show what an apply would change, or what changed between two revisions",
    options: [FILES, PRUNE],
    control: true,
    data: true,
    examples: ["weft diff -f mesh.yaml", "weft diff 11 12"],
    load: () => import("./commands/diff.ts"),
  },
  {
    path: "check",
    summary: "find what is wrong: in documents (offline), or in the running mesh",
    options: [
      FILES,
      [
        "--services <paths...>",
        "your Workers' folders or wrangler configs: also find which of them call a service directly, past the mesh",
        "list",
      ],
      [
        "--config <file>",
        "with --services: the proxy's wrangler config (default wrangler.toml, .jsonc or .json here)",
        "text",
      ],
    ],
    control: true,
    data: true,
    examples: ["weft check -f mesh.yaml", "weft check", "weft check --services services/*"],
    load: () => import("./commands/check.ts"),
  },
  {
    path: "doctor",
    args: "[edge]",
    summary: "ask a running edge what arrives of requests, and say whether what the mesh's rules assume holds there",
    control: true,
    data: true,
    examples: ["weft doctor", "weft doctor https://shop.example.com --url https://weft-control.example.workers.dev"],
    load: () => import("./commands/doctor.ts"),
  },
  {
    path: "delete",
    args: "<kind> [name]",
    summary: "remove one resource, named <kind> <name> or <kind>/<name>",
    options: [NAMESPACE, WAIT, TIMEOUT],
    control: true,
    confirms: true,
    data: true,
    examples: ["weft delete route/shop", "weft delete route shop -n team-a"],
    load: () => import("./commands/delete.ts"),
  },
  {
    path: "rollback",
    args: "[revision]",
    summary: "make an old revision the newest again; without a number, what was before head, and again before that",
    options: [NOW, MESSAGE, WAIT, TIMEOUT],
    control: true,
    confirms: true,
    data: true,
    examples: ["weft rollback --wait", "weft rollback --now"],
    load: () => import("./commands/rollback.ts"),
  },
  {
    path: "rollout show",
    summary: "show how a guarded apply fares, or how the last one ended",
    control: true,
    data: true,
    load: () => import("./commands/rollout.ts"),
  },
  {
    path: "rollout promote",
    summary: "make what is under guard everybody's, at once",
    options: [MESSAGE],
    control: true,
    data: true,
    load: async () => ({ run: (await import("./commands/rollout.ts")).promote }),
  },
  {
    path: "rollout undo",
    summary: "undo what is under guard, at once",
    options: [MESSAGE],
    control: true,
    data: true,
    load: async () => ({ run: (await import("./commands/rollout.ts")).undo }),
  },
]
