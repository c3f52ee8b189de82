/**
 * Bundles one Worker project the way wrangler does, in this process: wrangler's own config reader and bundler run, its
 * dev server and its dev proxy do not. About 30 ms a project, where a `wrangler deploy --dry-run` each takes 2 s.
 *
 * The bundle is the one of a deployment: wrangler's development middleware would turn an exception of a Worker into a
 * 500 response and drain request bodies, and a mesh tested against that would meet the truth in production only.
 */
import { existsSync } from "node:fs"
import { dirname, isAbsolute, join, resolve } from "node:path"
import { getNodeCompat } from "miniflare"
import {
  unstable_DevEnv as DevEnv,
  unstable_getMiniflareWorkerOptions as getWorkerOptions,
  unstable_readConfig as readConfig,
  type Unstable_Config,
} from "wrangler"
import type { Problem } from "#shared/model/problem.ts"

/** A project that is ready to run. */
export interface BuiltWorker {
  readonly name: string
  readonly configPath: string
  /** The names that the main module exports: entrypoints, objects, `default`. */
  readonly exports: readonly string[]
  /** The main module first. A Worker in the old service-worker format has exactly one module of type `Script`. */
  readonly modules: readonly BuiltModule[]
  /** Bindings and settings, as wrangler hands them to Miniflare. */
  readonly options: WorkerSettings
  /** The variables that the config itself has, as it has them. */
  readonly vars: Readonly<Record<string, unknown>>
  /** Names of what a config wants to be told elsewhere: secrets that it requires, and what only `.dev.vars` has. */
  readonly secrets: readonly string[]
  /** Workers that stand for what wrangler cannot run locally. */
  readonly helpers: readonly unknown[]
  /** Absolute paths of what the bundle was made from, without packages. */
  readonly files: readonly string[]
}

/** The part of a Worker's options that this folder looks into. */
export interface WorkerSettings {
  readonly compatibilityDate?: string
  readonly compatibilityFlags?: readonly string[]
  readonly bindings?: Readonly<Record<string, unknown>>
  readonly kvNamespaces?: Readonly<Record<string, unknown>>
  readonly serviceBindings?: Readonly<Record<string, unknown>>
  readonly durableObjects?: Readonly<Record<string, unknown>>
  /** Classes that the Worker hosts and does not bind itself. */
  readonly additionalUnboundDurableObjects?: readonly unknown[]
}

export interface BuiltModule {
  readonly type: ModuleType | "Script"
  readonly name: string
  readonly content: string | Uint8Array
}

type ModuleType = "ESModule" | "CommonJS" | "Text" | "Data" | "CompiledWasm" | "PythonModule" | "PythonRequirement"

type Controller = InstanceType<typeof DevEnv>["runtimes"][number]
type Bundled = Parameters<Controller["onBundleComplete"]>[0]

const CONFIG_NAMES = ["wrangler.jsonc", "wrangler.json", "wrangler.toml"]

const MODULE_TYPES: Readonly<Record<string, ModuleType>> = {
  esm: "ESModule",
  commonjs: "CommonJS",
  text: "Text",
  buffer: "Data",
  "compiled-wasm": "CompiledWasm",
  python: "PythonModule",
  "python-requirement": "PythonRequirement",
}

/** Builds the project at `path`, a folder with a wrangler config or the config itself. Every failure is a problem. */
export async function buildProject(path: string): Promise<BuiltWorker | Problem> {
  const configPath = findConfig(path)
  if (typeof configPath !== "string") return configPath
  try {
    const config = silently(() => readConfig({ config: configPath }, { hideWarnings: true }))
    const unusable = unusableConfig(config, configPath)
    if (unusable) return unusable
    return built(await bundle(configPath), config, configPath)
  } catch (error) {
    const message = describe(error)
    return {
      path: configPath,
      rule: "build-failed",
      message,
      hint: "`npx wrangler deploy --dry-run` shows the same in full",
    }
  }
}

/** The wrangler config that `path` names: itself, or the one in that folder. */
export function findConfig(path: string): string | Problem {
  const absolute = resolve(path)
  if (!existsSync(absolute)) {
    return {
      path,
      rule: "project-missing",
      message: `there is no "${path}"`,
      hint: "give a project's folder or its wrangler config",
    }
  }
  if (/\.(jsonc?|toml)$/.test(absolute)) return absolute
  const found = CONFIG_NAMES.map((name) => join(absolute, name)).find((candidate) => existsSync(candidate))
  if (found) return found
  return {
    path,
    rule: "config-missing",
    message: `"${path}" holds no ${CONFIG_NAMES.join(", ")}`,
    hint: "every Worker needs one; `npx wrangler init` writes it",
  }
}

function unusableConfig(config: Unstable_Config, path: string): Problem | undefined {
  if (!config.name) {
    return {
      path,
      rule: "name-missing",
      message: "the project has no name",
      hint: 'add `name = "my-worker"` at the top: bindings find a Worker by it',
    }
  }
  if (!config.main) {
    return {
      path,
      rule: "main-missing",
      message: `"${config.name}" has no main module`,
      hint: 'add `main = "src/index.ts"`',
    }
  }
  return undefined
}

/** Wrangler's config and bundle controllers, with nothing behind them: the first finished bundle is the result. */
async function bundle(configPath: string): Promise<Bundled> {
  // Read while bundling; see the top of this file for why a mesh does without the middleware.
  process.env.WRANGLER_DISABLE_REQUEST_BODY_DRAINING = "true"
  // Problems are told by whoever called; a log file of them elsewhere helps nobody.
  process.env.WRANGLER_WRITE_LOGS ??= "false"
  let finish: (bundled: Bundled) => void = () => {}
  let fail: (reason: unknown) => void = () => {}
  const finished = new Promise<Bundled>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  const environment = new DevEnv({
    runtimeFactories: [() => ({ ...idle, onBundleComplete: (event: Bundled) => finish(event) }) as never],
    proxyFactory: () => idle as never,
  })
  const dispatch = environment.dispatch.bind(environment)
  // `remote` in the config that the bundler sees is what keeps the error middleware out of the bundle.
  environment.dispatch = (event) =>
    dispatch(
      event.type === "configUpdate"
        ? { ...event, config: { ...event.config, dev: { ...event.config.dev, remote: true } } }
        : event,
    )
  environment.on("error", (event) => fail(event.cause ?? event))
  environment.on("buildFailed", (event) => fail(event.cause))
  try {
    await environment.config.set(
      {
        config: configPath,
        sendMetrics: false,
        dev: { watch: false, remote: false, inspector: false, logLevel: "none" },
        build: {
          nodejsCompatMode: (config: Unstable_Config) =>
            getNodeCompat(config.compatibility_date, config.compatibility_flags).mode,
        },
      },
      true,
    )
    return await finished
  } finally {
    await environment.teardown()
  }
}

const idle = {
  mf: undefined,
  ready: { promise: Promise.resolve(), resolve() {}, reject() {} },
  onConfigUpdate() {},
  onBundleStart() {},
  onBundleComplete() {},
  onReloadStart() {},
  onReloadComplete() {},
  onPreviewTokenExpired() {},
  async teardown() {},
}

function built(bundled: Bundled, config: Unstable_Config, configPath: string): BuiltWorker {
  const { entry, entrypointSource, type, modules, dependencies } = bundled.bundle
  const { workerOptions, externalWorkers } = silently(() => getWorkerOptions(config))
  const main: BuiltModule = {
    type: entry.format === "modules" ? (MODULE_TYPES[type] ?? "ESModule") : "Script",
    name: "index.js",
    content: entrypointSource,
  }
  const others = modules.map((module) => ({
    type: MODULE_TYPES[module.type ?? "esm"] ?? "ESModule",
    name: module.name,
    content: module.content,
  }))
  const { modulesRules: _, ...options } = workerOptions as WorkerSettings & { modulesRules?: unknown }
  return {
    name: bundled.config.name,
    configPath,
    exports: entry.exports,
    modules: [main, ...others],
    options,
    vars: config.vars,
    secrets: secretsOf(config, options),
    helpers: externalWorkers,
    files: [
      ...sourceFiles(Object.keys(dependencies), entry.projectRoot),
      join(dirname(configPath), ".dev.vars"),
      configPath,
    ],
  }
}

function secretsOf(config: Unstable_Config, { bindings = {} }: WorkerSettings): string[] {
  const names = [...(config.secrets?.required ?? []), ...Object.keys(bindings)]
  return [...new Set(names)].filter((name) => !Object.hasOwn(config.vars, name))
}

/** Wrangler tells on standard output which secrets it read; that belongs to whoever called, as all else does. */
function silently<T>(call: () => T): T {
  const level = process.env.WRANGLER_LOG
  process.env.WRANGLER_LOG = "none"
  try {
    return call()
  } finally {
    if (level === undefined) delete process.env.WRANGLER_LOG
    else process.env.WRANGLER_LOG = level
  }
}

function sourceFiles(inputs: readonly string[], root: string): string[] {
  return inputs
    .map((input) => (isAbsolute(input) ? input : resolve(root, input)))
    .filter((file) => !/[\\/](node_modules|\.wrangler)[\\/]/.test(file) && existsSync(file))
}

/** The sentence that matters of whatever wrangler or esbuild threw: file, line and text of each error. */
function describe(error: unknown): string {
  const failure = error as {
    errors?: { text: string; location?: { file: string; line: number } | null }[]
    cause?: unknown
    message?: string
  }
  if (failure?.errors?.length) {
    return failure.errors
      .map(({ text, location }) => (location ? `${location.file}:${location.line}: ${text}` : text))
      .join("; ")
  }
  if (failure?.cause) return describe(failure.cause)
  return failure?.message ?? String(error)
}
