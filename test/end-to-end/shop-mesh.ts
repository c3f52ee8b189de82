/** The example shop in a mesh of its own, for tests: any free ports, state in a folder that is removed afterwards. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { LogLine } from "#cli/local/logs.ts"
import { type LocalMesh, type LocalMeshOptions, startLocalMesh } from "#cli/local/mesh.ts"
import { apply, readYaml, seed } from "#cli/local/seed.ts"
import type { Applied } from "#shared/protocol/control-api.ts"
import { eventually } from "#test/support/eventually.ts"

export const ROOT = resolve(import.meta.dirname, "../..")
export const SHOP = join(ROOT, "examples/shop")
export const TOKEN = "weft_token_of_the_end_to_end_tests"

export interface ShopMesh extends LocalMesh {
  readonly logs: readonly LogLine[]
  /** Applies a document of the example, by its file name. */
  apply(file: string): Promise<Applied>
  rollback(to: number): Promise<Applied>
}

/** `projects` stand in for the storefront's and others' of the same name. */
export async function startShop(
  projects: readonly string[] = [],
  vars: NonNullable<LocalMeshOptions["vars"]> = {},
): Promise<ShopMesh> {
  const folder = await mkdtemp(join(tmpdir(), "weft-test-"))
  const logs: LogLine[] = []
  const mesh = await startLocalMesh({
    proxyConfig: join(SHOP, "wrangler.toml"),
    controlConfig: join(ROOT, "workers/control/wrangler.toml"),
    projects: [
      ...["storefront", "catalog", "payments", "orders/wrangler.v1.toml", "orders/wrangler.v2.toml"].map((project) =>
        join(SHOP, "workers", project),
      ),
      ...projects,
    ],
    ingressPort: 0,
    controlPort: 0,
    persistTo: folder,
    adminToken: TOKEN,
    vars,
    onLog: (line) => logs.push(line),
  })
  await seed(mesh.controlUrl, TOKEN, [join(SHOP, "mesh.yaml")])
  await eventually(async () => (await fetch(mesh.ingressUrl)).ok)
  return {
    ...mesh,
    logs,
    async apply(file) {
      return apply(mesh.controlUrl, TOKEN, { documents: await readYaml(join(SHOP, file)) })
    },
    async rollback(to) {
      const response = await fetch(`${mesh.controlUrl}/v1/rollback`, {
        method: "POST",
        headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
        body: JSON.stringify({ to }),
      })
      if (!response.ok) throw new Error(await response.text())
      return (await response.json()) as Applied
    },
    async stop() {
      await mesh.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** How often each version of orders answers, by the example's own load generator. */
export async function count(url: string, requests: number): Promise<Readonly<Record<string, number>>> {
  // No name of the project's leads to the examples: they are what users copy, not what the project is built from.
  const { load } = await import(join(SHOP, "load.ts"))
  return (await load({ url, requests, concurrency: 20 })).versions
}
