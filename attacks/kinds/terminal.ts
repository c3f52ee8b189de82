/** `weft` as a person runs it, in this process. */
import { resolve } from "node:path"
import { run } from "#cli/program.ts"

/** What `--insecure` sets, for this one command. */
const TRUST = "NODE_TLS_REJECT_UNAUTHORIZED"
const ROOT = resolve(import.meta.dirname, "../..")

export interface CliResult {
  readonly exit: number
  readonly out: string
  readonly err: string
}

export async function runCli(
  args: readonly string[],
  {
    stdin = "",
    url,
    token,
    env = {},
    cwd = ROOT,
  }: { stdin?: string; url?: string; token?: string; env?: Record<string, string>; cwd?: string },
): Promise<CliResult> {
  const out: string[] = []
  const err: string[] = []
  const before = process.env[TRUST]
  const exit = await run(args, {
    env: {
      NO_COLOR: "1",
      ...(url !== undefined && { WEFT_URL: url }),
      ...(token !== undefined && { WEFT_TOKEN: token }),
      ...env,
    },
    cwd,
    out: { terminal: false, write: (text) => void out.push(text) },
    err: { terminal: false, write: (text) => void err.push(text) },
    stdin: async () => stdin,
    ask: async () => undefined,
    trustAnyCertificate() {
      process.env[TRUST] = "0"
    },
    nowMs: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    wrangler: () => Promise.reject(new Error("the runner deploys nothing")),
    interrupted: () => new Promise(() => {}),
    later: () => () => {},
    onKey: () => () => {},
  })
  if (before === undefined) delete process.env[TRUST]
  else process.env[TRUST] = before
  return { exit, out: out.join(""), err: err.join("") }
}
