/** Every command of `weft`, a row each. Adding one is a row here and a module in commands/. */
import type { CommandRow } from "./command.ts"
import { ACCESS, KEYS } from "./rows-access.ts"
import { ALERTS } from "./rows-alerts.ts"
import { CHANGING, FILES, NAMESPACE } from "./rows-changes.ts"
import { IDENTITY } from "./rows-identity.ts"
import { WATCHING } from "./rows-stats.ts"

const LOOKING: readonly CommandRow[] = [
  {
    path: "get",
    args: "[kind] [name]",
    summary: "list services, routes and gateways, or show one, named <kind> <name> or <kind>/<name>, as it was written",
    options: [NAMESPACE, ["--revision <n>", "as of this revision", "count"]],
    control: true,
    data: true,
    examples: [
      "weft get routes",
      "weft get service/orders",
      "weft get service orders -n team-a",
      "weft get -o yaml --revision 11",
    ],
    load: () => import("./commands/get.ts"),
  },
  {
    path: "explain",
    args: "[url]",
    summary: "say where a request would go, and why: by the head, a revision, or documents (offline)",
    options: [
      ["-X, --method <method>", "the request's method (default GET)", "text"],
      ["-H, --header <header>", "a header of the request, 'name: value'; may be repeated", "list"],
      ["--gateway <gateway>", "the gateway it comes in by, name or namespace/name (default: the built-in one)", "text"],
      ["--from <service>", "the service that sends it (default: the public)", "text"],
      ["--to <service>", "the service that the sender's binding names", "text"],
      ["--rpc <method>", "the RPC method that is called", "text"],
      ["--principal <issuer/subject>", "the end user that a token would establish", "text"],
      ["--claim <name=value>", "a claim of that token; may be repeated, also for a list", "list"],
      ["--key-owner <owner>", "the owner of the API key that it would carry", "text"],
      ["--key-scope <scope>", "a scope of that key; may be repeated", "list"],
      ["--address <ip>", "the public client's address", "text"],
      ["--dice <number>", "the throw for weights and percentages, from 0 to below 1", "text"],
      ["--revision <n>", "as of this revision", "count"],
      FILES,
    ],
    control: true,
    data: true,
    examples: [
      "weft explain http://shop.example.com/orders/7 -X POST -H 'x-canary: always'",
      "weft explain --from storefront --to orders --rpc getOrder",
      "weft explain shop.example.com/orders -f mesh.yaml",
      "weft explain https://shop.example.com/admin --principal https://idp.example.com/alice --claim groups=admin",
    ],
    load: () => import("./commands/explain.ts"),
  },
  {
    path: "history",
    summary: "list the newest revisions: who changed what, when and why",
    options: [["--limit <n>", "how many, 1 to 200 (default 20)", "count"]],
    control: true,
    data: true,
    load: () => import("./commands/history.ts"),
  },
  {
    path: "status",
    summary: "show the head revision and which proxy isolates serve it",
    control: true,
    data: true,
    load: () => import("./commands/status.ts"),
  },
]

const FOR = ["--for <duration>", "until the breaker decides again (default 10m)", "duration"] as const

const BREAKERS: readonly CommandRow[] = [
  {
    path: "breaker list",
    summary: "list breakers that are not closed, and those that closed lately",
    control: true,
    data: true,
    load: () => import("./commands/breaker-list.ts"),
  },
  {
    path: "breaker open",
    args: "<service[/subset]>",
    summary: "keep all requests from a service for a while, whether it has a breaker or not",
    options: [FOR, NAMESPACE],
    control: true,
    data: true,
    examples: ["weft breaker open payments --for 10m", "weft breaker open orders/v2"],
    load: async () => ({ run: (await import("./commands/breaker-force.ts")).open }),
  },
  {
    path: "breaker close",
    args: "<service[/subset]>",
    summary: "let all requests pass for a while, whatever fails",
    options: [FOR, NAMESPACE],
    control: true,
    data: true,
    load: async () => ({ run: (await import("./commands/breaker-force.ts")).close }),
  },
]

const WORKERS: readonly CommandRow[] = [
  {
    path: "service add",
    args: "<name>",
    summary: "bind a Worker to the proxy, by an entry in the proxy's wrangler config",
    options: [
      ["--worker <worker>", "the Worker's name, as it is deployed", "text"],
      ["--entrypoint <class>", "its named entrypoint, if not the default one", "text"],
      ["--subset <name>", "the subset of the service that this Worker is, for example v2", "text"],
      NAMESPACE,
      ["--config <file>", "the proxy's wrangler config (default wrangler.toml, .jsonc or .json here)", "text"],
    ],
    data: true,
    examples: ["weft service add orders --worker orders", "weft service add orders --subset v2 --worker orders-v2"],
    load: () => import("./commands/service-add.ts"),
  },
  {
    path: "service list",
    summary: "list services and whether the proxy has their bindings",
    control: true,
    data: true,
    load: () => import("./commands/service-list.ts"),
  },
  {
    path: "up",
    args: "[projects...]",
    summary: "start the mesh on this machine with the Workers in these folders",
    options: [
      ["--config <file>", "the proxy's wrangler config (default: weft's own, with a binding for each project)", "text"],
      ["--ingress-port <port>", "where public traffic enters (default 8787; 0 = any)", "port"],
      ["--control-port <port>", "where control listens (default 8788; 0 = any)", "port"],
      ["--apply <path>", "apply these documents once the mesh runs", "text"],
      ["--watch", "reload Workers and apply documents whenever their files change"],
    ],
    examples: ["weft up services/* --apply mesh.yaml --watch"],
    load: () => import("./commands/up.ts"),
  },
  {
    path: "build",
    args: "[projects...]",
    summary: "write the mesh with the Workers in these folders as a config and bundles that run without Cloudflare",
    options: [
      ["--target <target>", "what shall run it (default workerd)", ["workerd"]],
      ["--out <folder>", "where to write (default dist/workerd)", "text"],
      ["--behind-proxy", "TLS ends before it; the scheme of a request is what X-Forwarded-Proto says"],
      ["--config <file>", "the proxy's wrangler config (default: weft's own, with a binding for each project)", "text"],
      ["--control <file>", "control's wrangler config (default workers/control/wrangler.toml)", "text"],
    ],
    data: true,
    examples: ["weft build --target workerd services/* --config wrangler.toml --out dist/workerd"],
    load: () => import("./commands/build.ts"),
  },
  {
    path: "deploy",
    summary: "deploy control, then the proxy, and services on demand",
    options: [
      ["--config <file>", "the proxy's wrangler config (default wrangler.toml, .jsonc or .json here)", "text"],
      ["--control <file>", "control's wrangler config (default workers/control/wrangler.toml)", "text"],
      ["--services <paths...>", "also deploy these services: folders or wrangler configs", "list"],
      ["--first", "upload stubs first for bound Workers that do not exist yet"],
      ["--dry-run", "print the plan and let wrangler check it; offline"],
    ],
    examples: ["weft deploy --dry-run", "weft deploy --first --services services/*"],
    load: () => import("./commands/deploy.ts"),
  },
]

const SHELL: readonly CommandRow[] = [
  {
    path: "completion",
    args: "<shell>",
    summary: "print the completion script for bash, zsh or fish",
    examples: ["source <(weft completion bash)", "weft completion fish | source"],
    load: () => import("./commands/completion.ts"),
  },
  { path: "version", summary: "print the version", load: () => import("./commands/version.ts") },
]

export const COMMANDS: readonly CommandRow[] = [
  ...CHANGING,
  ...LOOKING,
  ...WATCHING,
  ...ALERTS,
  ...BREAKERS,
  ...ACCESS,
  ...KEYS,
  ...IDENTITY,
  ...WORKERS,
  ...SHELL,
]

/** What a person types for a group of commands. */
export const GROUPS: { readonly [group: string]: string } = {
  breaker: "see and force circuit breakers",
  identity: "tell upstreams outside the mesh who calls",
  rollout: "see and end guarded applies",
  token: "manage who may use control",
  key: "manage the API keys of end users",
  service: "manage which Workers the mesh reaches",
}
