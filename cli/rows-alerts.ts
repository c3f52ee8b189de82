/** The commands about what is promised, and alerts when it is not kept. */
import type { CommandRow } from "./command.ts"

const NAMESPACE = ["-n, --namespace <namespace>", "namespace", "text"] as const
const REASON = ["-m, --message <text>", "why, for everybody who looks", "text"] as const

export const ALERTS: readonly CommandRow[] = [
  {
    path: "alerts",
    summary: "list objectives: what is left of their error budgets, how fast it is spent, and which alerts fire",
    control: true,
    data: true,
    examples: ["weft alerts", "weft alerts -o json"],
    load: () => import("./commands/alerts.ts"),
  },
  {
    path: "alerts silence",
    args: "[slo]",
    summary: "keep alerts of an objective from receivers for a while; --all: of a namespace, or of the whole mesh",
    options: [
      ["--for <duration>", "for how long (default 1h)", "duration"],
      ["--all", "all objectives of the namespace that -n names, or of the whole mesh"],
      NAMESPACE,
      REASON,
    ],
    control: true,
    data: true,
    examples: [
      "weft alerts silence orders-available --for 2h -m 'migration of orders'",
      "weft alerts silence --all -n team-a",
    ],
    load: async () => ({ run: (await import("./commands/alerts-quiet.ts")).silence }),
  },
  {
    path: "alerts unsilence",
    args: "<id>",
    summary: "end a silence",
    control: true,
    load: async () => ({ run: (await import("./commands/alerts-quiet.ts")).unsilence }),
  },
  {
    path: "alerts ack",
    args: "<slo>",
    summary: "say that somebody is at it: receivers are not reminded of a firing alert for a while",
    options: [
      ["--for <duration>", "for how long (default 4h)", "duration"],
      ["--severity <severity>", "only this one (default both)", ["page", "ticket"]],
      NAMESPACE,
      REASON,
    ],
    control: true,
    data: true,
    examples: ["weft alerts ack orders-available -m 'rolling back'"],
    load: async () => ({ run: (await import("./commands/alerts-quiet.ts")).acknowledge }),
  },
]
