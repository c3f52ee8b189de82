/** Runs `weft` in this process, with everything it writes kept, and in a process of its own. */
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Io } from "#cli/io.ts"
import { run } from "#cli/program.ts"
import { fakeNowMs } from "./fake-control.ts"

export interface Ran {
  readonly exit: number
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: { readonly [name: string]: string }
  readonly stdin?: string
  /** A person is watching. */
  readonly terminal?: boolean
  readonly wrangler?: Io["wrangler"]
  /** What a person says when asked; nobody is there without. */
  readonly answer?: string
  readonly onInsecure?: () => void
  /** Time goes by itself: for a real control. */
  readonly realTime?: boolean
  /** Every `sleep` calls this with the time that then is. */
  readonly tick?: (nowMs: number) => void
  /** When the person wants to stop what runs until then; absent: at once. */
  readonly interrupted?: Promise<void>
  /** Is given what keys are told to. */
  readonly keys?: (listener: (key: string) => void) => void
  /** Of the terminal. */
  readonly columns?: number
  readonly rows?: number
}

/** In this process: time stands at the fake's, and moves by sleeping only. */
export async function weft(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  let nowMs = fakeNowMs
  const terminal = options.terminal ?? false
  const exit = await run(argv, {
    env: options.env ?? {},
    cwd: options.cwd ?? tmpdir(),
    out: { write: (text) => void out.push(text), terminal, columns: options.columns, rows: options.rows },
    err: { write: (text) => void err.push(text), terminal },
    stdin: async () => options.stdin ?? "",
    async ask(question) {
      if (options.answer !== undefined) err.push(question)
      return options.answer
    },
    trustAnyCertificate: () => options.onInsecure?.(),
    nowMs: () => (options.realTime ? Date.now() : nowMs),
    async sleep(ms) {
      nowMs += ms
      if (options.realTime) await new Promise((resolve) => setTimeout(resolve, ms))
      options.tick?.(nowMs)
    },
    // What takes long on a busy machine takes no time here.
    later: () => () => {},
    wrangler: options.wrangler ?? (async () => ({ ok: false, output: "no wrangler in this test" })),
    interrupted: () => options.interrupted ?? Promise.resolve(),
    onKey(listener) {
      options.keys?.(listener)
      return () => {}
    },
  })
  return { exit, out: out.join(""), err: err.join("") }
}

const LAUNCHER = fileURLToPath(new URL("../../cli/weft.mjs", import.meta.url))

/** The launcher in a process of its own; `node` is the Node that runs it. */
export function weftProcess(argv: readonly string[], options: RunOptions & { node?: string } = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(options.node ?? process.execPath, [LAUNCHER, ...argv], {
      cwd: options.cwd ?? tmpdir(),
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env },
    })
    const out: string[] = []
    const err: string[] = []
    child.stdout.on("data", (chunk) => out.push(String(chunk)))
    child.stderr.on("data", (chunk) => err.push(String(chunk)))
    child.on("error", reject)
    child.on("close", (code, signal) =>
      resolve({ exit: code ?? (signal ? 128 : -1), out: out.join(""), err: err.join("") }),
    )
    child.stdin.end(options.stdin ?? "")
  })
}

/** A fresh folder with these files. */
export function folderOf(files: { readonly [path: string]: string }): string {
  const folder = mkdtempSync(join(tmpdir(), "weft-test-"))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text, { mode: 0o600 })
  }
  return folder
}
