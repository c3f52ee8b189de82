/** Which control to talk to, and with which token. */
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { EXIT, type Failure } from "./command.ts"
import type { Io } from "./io.ts"

export const DEFAULT_URL = "http://127.0.0.1:8788"

export interface Connection {
  readonly url: string
  readonly token: string | undefined
  /** Where the token is from, for messages; the token itself is never printed. */
  readonly tokenFrom: string | undefined
}

export function connect(io: Io, options: { url?: string; token?: string }): Connection | Failure {
  const given = options.url ?? (io.env.WEFT_URL || DEFAULT_URL)
  const url = URL.parse(given)
  if (!url || !/^https?:$/.test(url.protocol))
    return { exit: EXIT.usage, message: `"${given}" is not an http or https URL` }
  const base = url.href.replace(/\/+$/, "")
  if (options.token) return withToken(base, options.token, "--token")
  if (io.env.WEFT_TOKEN) return withToken(base, io.env.WEFT_TOKEN, "WEFT_TOKEN")
  // A token that a local start left behind must not travel to a control somewhere else.
  const local = isLoopback(url.hostname) ? localToken(io.cwd) : undefined
  return { url: base, token: local?.token, tokenFrom: local?.path }
}

/** What cannot stand in a header is no token, and must not be printed by whoever notices that. */
function withToken(url: string, given: string, tokenFrom: string): Connection | Failure {
  const token = given.trim()
  if (/^[\x21-\x7e]+$/.test(token)) return { url, token, tokenFrom }
  return {
    exit: EXIT.usage,
    message: `the token of ${tokenFrom} has spaces, line breaks or other characters that no token has`,
  }
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

/** The `.weft/token` of the nearest folder upwards, as a local start writes it. */
function localToken(cwd: string): { token: string; path: string } | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, ".weft", "token")
    try {
      const token = readFileSync(path, "utf8").trim()
      if (token) return { token, path }
    } catch {
      // Not here; further up.
    }
    if (dirname(folder) === folder) return undefined
  }
}
