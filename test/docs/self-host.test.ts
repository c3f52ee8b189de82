import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"

const read = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8")

it("names the runtime that is tested with", () => {
  const { devDependencies } = JSON.parse(read("package.json")) as { devDependencies: { workerd: string } }
  const named = [...read("docs/how-to/self-host.md").matchAll(/workerd@([\d.]+)/g)].map(([, version]) => version)
  expect(named).toEqual([devDependencies.workerd])
})
