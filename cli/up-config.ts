/**
 * Which configs `weft up` runs the mesh from. Without --config it is weft's own proxy with a service binding for every
 * project, named as `weft service add` would name it, so that a newcomer's Workers are in the mesh before any config is
 * written. Two Workers `orders-v1` and `orders-v2` are bound as ORDERS_V1 and ORDERS_V2: that is also how subsets are called.
 */
import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { bindingName } from "./bindings.ts"
import { type Failure, failed } from "./command.ts"
import { hasConfig, missingConfig, readConfig, type WranglerConfig } from "./wrangler-config.ts"

export interface UpConfigs {
  readonly proxy: string
  readonly control: string
}

const HINT = "a project is a folder with a wrangler config, or such a config"
const PACKAGE = fileURLToPath(new URL("../", import.meta.url))

export async function proxyConfigFor(
  cwd: string,
  given: string | undefined,
  projects: readonly string[],
): Promise<UpConfigs | Failure> {
  const missing = projects.find((project) => !hasConfig(cwd, project))
  if (missing !== undefined) return missingConfig(cwd, missing, HINT)
  const proxy = await readConfig(cwd, given ?? join(PACKAGE, "wrangler.toml"))
  if (failed(proxy)) return proxy
  const beside = join(dirname(proxy.path), "workers", "control", "wrangler.toml")
  const control = existsSync(beside) ? beside : join(PACKAGE, "workers", "control", "wrangler.toml")
  if (given !== undefined) return { proxy: proxy.path, control }

  const names: string[] = []
  for (const project of projects) {
    const config = await readConfig(cwd, project)
    if (failed(config)) return config
    if (config.raw.name) names.push(config.raw.name)
  }
  return { proxy: await writeProxyConfig(cwd, proxy, names), control }
}

async function writeProxyConfig(cwd: string, proxy: WranglerConfig, names: readonly string[]): Promise<string> {
  // What the package's own config binds besides is of another mesh, and its Workers are not started here.
  const services = (proxy.raw.services ?? []).filter(({ service }) => names.includes(service))
  for (const name of names) {
    const binding = bindingName("default", name, undefined)
    if (!services.some((service) => service.binding === binding)) services.push({ binding, service: name })
  }
  const main = resolve(dirname(proxy.path), String(proxy.raw.main))
  const path = join(cwd, ".weft", "proxy", "wrangler.json")
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify({ ...proxy.raw, main, services }, null, 2)}\n`)
  return path
}
