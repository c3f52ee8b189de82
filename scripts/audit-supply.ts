/** `npm run audit:supply`: checks the packages offline, and lists their licences. Exits 1 when something is not as it should be. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { faultsOf, type Lock, licencesOf, type Supply } from "./supply.ts"

const ROOT = join(import.meta.dirname, "..")
const WORKFLOWS = ".github/workflows"

export async function readSupply(root = ROOT): Promise<Supply> {
  const text = (file: string) => readFile(join(root, file), "utf8")
  const files = await readdir(join(root, WORKFLOWS))
  return {
    manifest: JSON.parse(await text("package.json")),
    lock: JSON.parse(await text("package-lock.json")),
    installed: await text("node_modules/.package-lock.json").then(
      (json) => JSON.parse(json) as Lock,
      () => undefined,
    ),
    record: await text("docs/decisions/0002-dependencies.md"),
    npmrc: await text(".npmrc"),
    workflows: Object.fromEntries(
      await Promise.all(files.map(async (file) => [file, await text(join(WORKFLOWS, file))] as const)),
    ),
  }
}

if (import.meta.main) {
  const supply = await readSupply()
  const faults = faultsOf(supply)
  const total = Object.keys(supply.lock.packages).length - 1
  console.log(`${total} packages, ${Object.keys(supply.manifest.devDependencies ?? {}).length} of them asked for`)
  for (const [licence, count] of licencesOf(supply.lock)) console.log(`${String(count).padStart(5)}  ${licence}`)
  for (const fault of faults) console.error(fault)
  console.log(faults.length === 0 ? "all as it should be" : `${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
