/** The wrangler configs of the proxy, control and services: what is in them, and new service bindings for them. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { EXIT, type Failure, failed } from "./command.ts"
import { addEntry, type ServiceEntry } from "./text-edit.ts"

/** In the order in which wrangler looks for them. */
const NAMES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"]

export interface WranglerConfig {
  readonly path: string
  /** As the person named it, for messages. */
  readonly shown: string
  readonly format: "toml" | "json"
  readonly raw: RawConfig
}

/** The parts of a wrangler config that are looked at here. */
export interface RawConfig {
  readonly name?: string
  readonly services?: readonly BoundService[]
  readonly durable_objects?: {
    readonly bindings?: readonly { name: string; class_name: string; script_name?: string }[]
  }
  readonly [key: string]: unknown
}

export interface BoundService extends ServiceEntry {
  readonly environment?: string
  readonly props?: { readonly [key: string]: unknown }
}

const PROXY_HINT = "--config names the proxy's wrangler.toml, .jsonc or .json"

/** Whether there is a config to read, found out without loading wrangler. */
export function hasConfig(cwd: string, given: string): boolean {
  return pathOf(resolve(cwd, given)) !== undefined
}

/** A folder may hold several of other names: which of them is meant nobody but the person knows. */
export function missingConfig(cwd: string, given: string, hint = PROXY_HINT): Failure {
  const others = configsIn(resolve(cwd, given))
  const [one] = others
  return {
    exit: EXIT.problems,
    message: `there is no wrangler config at ${given}`,
    hint: one === undefined ? hint : `it has ${others.join(", ")}: say which, as in ${join(given, one)}`,
  }
}

function configsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^wrangler\..+\.(toml|jsonc?)$/.test(name))
  } catch {
    return []
  }
}

/** Reads a config, or the one in a folder. `hint` says what is to be named, and how, where there is none. */
export async function readConfig(cwd: string, given: string, hint?: string): Promise<WranglerConfig | Failure> {
  const path = pathOf(resolve(cwd, given))
  if (path === undefined) return missingConfig(cwd, given, hint)
  const { experimental_readRawConfig } = await import("wrangler")
  const shown = path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path
  try {
    const { rawConfig } = experimental_readRawConfig({ config: path })
    return { path, shown, format: path.endsWith(".toml") ? "toml" : "json", raw: rawConfig as unknown as RawConfig }
  } catch (error) {
    return { exit: EXIT.problems, message: `${shown} cannot be read: ${(error as Error).message}` }
  }
}

/**
 * Writes the entry into the file. The edit is one of text, so the result is read back: unless exactly this entry was added
 * and nothing else changed, the file gets its old text again.
 */
export async function addService(config: WranglerConfig, entry: ServiceEntry): Promise<Failure | undefined> {
  const before = readFileSync(config.path, "utf8")
  const after = addEntry(before, config.format, entry)
  if (after === undefined) return notUnderstood(config)
  const expected = { ...config.raw, services: [...(config.raw.services ?? []), entry] }
  writeFileSync(config.path, after)
  const read = await readConfig("/", config.path)
  if (!failed(read) && isDeepStrictEqual(comparable(read.raw), comparable(expected))) return undefined
  writeFileSync(config.path, before)
  return notUnderstood(config)
}

/** What already has the name, if anything: a binding of any kind, or a variable. */
export function bindingOf(raw: RawConfig, name: string): { kind: string; value: unknown } | undefined {
  const objects = raw.durable_objects?.bindings?.find((binding) => binding.name === name)
  if (objects) return { kind: "durable_objects", value: objects }
  const vars = raw.vars as { [name: string]: unknown } | undefined
  if (vars && Object.hasOwn(vars, name)) return { kind: "vars", value: vars[name] }
  for (const [kind, list] of Object.entries(raw)) {
    for (const value of Array.isArray(list) ? list : [list])
      if (typeof value === "object" && value !== null && value.binding === name) return { kind, value }
  }
  return undefined
}

function pathOf(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  if (!statSync(path).isDirectory()) return path
  return NAMES.map((name) => join(path, name)).find((candidate) => existsSync(candidate))
}

/** Parsers differ in prototypes; the data is what counts. */
function comparable(raw: RawConfig): unknown {
  return JSON.parse(JSON.stringify(raw))
}

function notUnderstood(config: WranglerConfig): Failure {
  return {
    exit: EXIT.problems,
    message: `${config.shown} is written in a way that cannot be edited safely; it is unchanged`,
    hint: "add the entry to its list of services by hand",
  }
}
