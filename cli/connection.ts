/** Which control to talk to, and with which token. */
import { readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { EXIT, type Failure } from "./command.ts"
import type { Io } from "./io.ts"

export const DEFAULT_URL = "http://127.0.0.1:8788"
/** In the folder of a local mesh, beside its token, while it runs. */
export const CONTROL_FILE = "control"

export interface Connection {
  readonly url: string
  readonly token: string | undefined
  /** Where the token is from, for messages; the token itself is never printed. */
  readonly tokenFrom: string | undefined
}

export interface ConnectOptions {
  readonly url?: string
  readonly token?: string
  readonly insecure?: boolean
}

export function connect(io: Io, options: ConnectOptions): Connection | Failure {
  const given = options.url ?? (io.env.WEFT_URL || localControl(io.cwd) || DEFAULT_URL)
  const url = URL.parse(given)
  if (!url || !/^https?:$/.test(url.protocol))
    return { exit: EXIT.usage, message: `"${given}" is not an http or https URL` }
  const base = url.href.replace(/\/+$/, "")
  const unsafe = options.insecure ? undefined : unsafety(io, url)
  if (unsafe) return unsafe
  // Said each time, and not kept anywhere: a variable or a file would be forgotten.
  if (options.insecure) io.trustAnyCertificate()
  if (options.token) return withToken(base, options.token, "--token")
  if (io.env.WEFT_TOKEN) return withToken(base, io.env.WEFT_TOKEN, "WEFT_TOKEN")
  // A token that a local start left behind must not travel to a control somewhere else.
  const local = isLoopback(url.hostname) ? localToken(io.cwd) : undefined
  if (local && "exit" in local) return local
  return { url: base, token: local?.token, tokenFrom: local?.path }
}

/** Why the token must not be sent this way: whoever is on it could read it, and say whatever he likes in control's place. */
function unsafety(io: Io, url: URL): Failure | undefined {
  const hint = "use https://, or say --insecure with this command if you know the way there"
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    return { exit: EXIT.usage, message: `http:// would carry the token in the clear to ${url.host}`, hint }
  if (url.protocol === "https:" && io.env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
    const message = "NODE_TLS_REJECT_UNAUTHORIZED=0 switches the check of certificates off"
    return { exit: EXIT.usage, message, hint: "unset it, or say --insecure with this command" }
  }
  return undefined
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

/** Where the mesh listens that was started in the nearest folder upwards; on this machine, whatever stands there. */
function localControl(cwd: string): string | undefined {
  const said = nearest(cwd, CONTROL_FILE)?.text ?? ""
  const url = URL.parse(said)
  return url?.protocol === "http:" && isLoopback(url.hostname) ? said : undefined
}

/** The `.weft/token` of the nearest folder upwards, as a local start writes it. */
function localToken(cwd: string): { token: string; path: string } | Failure | undefined {
  const found = nearest(cwd, "token")
  return found && (readableByOthers(found.path) ?? { token: found.text, path: found.path })
}

/** What a file of `.weft` says in the nearest folder that has one. */
function nearest(cwd: string, name: string): { readonly text: string; readonly path: string } | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, ".weft", name)
    try {
      const text = readFileSync(path, "utf8").trim()
      if (text) return { text, path }
    } catch {
      // Not here; further up.
    }
    if (dirname(folder) === folder) return undefined
  }
}

/** What others could have read is no secret any more, and what others wrote may be anybody's. */
function readableByOthers(path: string): Failure | undefined {
  if (process.platform === "win32") return undefined
  const { mode, uid } = statSync(path)
  const message =
    (mode & 0o077) !== 0
      ? `others may read ${path}`
      : uid !== process.getuid?.()
        ? `${path} is another user's`
        : undefined
  return message === undefined
    ? undefined
    : { exit: EXIT.forbidden, message, hint: `make it yours alone (chmod 600 ${path}), or set WEFT_TOKEN` }
}
