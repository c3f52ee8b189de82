/** The commands about who may use control and the mesh, and who did: tokens, API keys, the audit log. */
import type { CommandRow } from "./command.ts"

export const ACCESS: readonly CommandRow[] = [
  {
    path: "token list",
    summary: "list who may use control",
    control: true,
    data: true,
    load: () => import("./commands/token-list.ts"),
  },
  {
    path: "token create",
    args: "<name>",
    summary: "make a token; standard output is the token and nothing else, and it is shown only this once",
    options: [
      ["--role <role>", "what it may do (default viewer)", ["metrics", "viewer", "operator", "admin"]],
      ["--namespaces <names...>", "the only namespaces that it may read and change (default: the whole mesh)", "list"],
      ["--expires <duration>", "until when it is good, for example 30d, or never (default 90d)", "life"],
    ],
    control: true,
    data: true,
    examples: ["weft token create ci --role operator --namespaces team-a --expires 30d"],
    load: () => import("./commands/token-create.ts"),
  },
  {
    path: "token revoke",
    args: "<name>",
    summary: "make a token useless, at once",
    control: true,
    load: () => import("./commands/token-revoke.ts"),
  },
  {
    path: "audit",
    summary: "list what was done in control, and what was refused: who, what, when, from where",
    options: [
      ["--who <name>", "only by this token, root, or nobody (without a valid one)", "text"],
      ["--operation <operation>", "only this, for example 'POST /v1/apply'", "text"],
      ["--outcome <outcome>", "only what came to this", ["done", "failed", "denied", "unknown"]],
      ["--since <duration>", "only of the last 30m, 24h or 7d", "duration"],
      ["--before <id>", "only entries before this one: the next page", "count"],
      ["--limit <n>", "how many, 1 to 200 (default 50)", "count"],
    ],
    control: true,
    data: true,
    examples: ["weft audit --since 24h --outcome denied", "weft audit --who ci -o json"],
    load: () => import("./commands/audit.ts"),
  },
]

export const KEYS: readonly CommandRow[] = [
  {
    path: "key list",
    summary: "list the API keys of end users",
    control: true,
    data: true,
    load: () => import("./commands/key-list.ts"),
  },
  {
    path: "key create",
    args: "<id>",
    summary: "make an API key; standard output is the key and nothing else, and it is shown only this once",
    options: [
      ["--owner <owner>", "whose key it is (default the id)", "text"],
      ["--scope <scopes...>", "what it is for, as policies and services read it", "list"],
      ["--expires <duration>", "until when it is good, for example 30d (default a year)", "duration"],
    ],
    control: true,
    data: true,
    examples: ['weft key create acme --owner "Acme Inc." --scope orders:read'],
    load: () => import("./commands/key-create.ts"),
  },
  {
    path: "key revoke",
    args: "<id>",
    summary: "make an API key useless, within the lease of the proxies' routes",
    control: true,
    load: () => import("./commands/key-revoke.ts"),
  },
]
