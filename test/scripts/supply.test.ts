import { describe, expect, it } from "vitest"
import { readSupply } from "#scripts/audit-supply.ts"
import { faultsOf, type LockedPackage, licencesOf, type Supply } from "#scripts/supply.ts"

const HASH = `sha512-${"A".repeat(86)}==`
const entry = (about: Partial<LockedPackage> = {}): LockedPackage => ({
  version: "1.0.0",
  integrity: HASH,
  license: "MIT",
  ...about,
})

/** A project of two packages, one of which runs in a Worker and brings a third; all as it should be. */
function project(change: (supply: Writable) => void = () => {}): Supply {
  const supply: Writable = {
    manifest: {
      devDependencies: { hono: "1.0.0", vite: "1.0.0" },
      allowScripts: { vite: true },
      scripts: { test: "x" },
    },
    lock: {
      lockfileVersion: 3,
      packages: {
        "": { devDependencies: { hono: "1.0.0", vite: "1.0.0" } },
        "node_modules/hono": entry({ dependencies: { helper: "^1.0.0" } }),
        "node_modules/vite": entry({ hasInstallScript: true, license: "MPL-2.0" }),
        "node_modules/hono/node_modules/helper": entry({ license: "(MIT OR GPL-3.0)" }),
      },
    },
    record: "| `hono` | control | Routes. | Healthy. |\n| `vite` | tests | Builds. | Healthy. |\n",
    npmrc: "# a comment\nloglevel=error\n",
    workflows: { "ci.yml": `- uses: actions/checkout@${"a".repeat(40)} # v5\n- uses: ./local\n` },
  }
  change(supply)
  return supply
}

// biome-ignore lint/suspicious/noExplicitAny: tests break what types forbid
type Writable = any

describe("the packages", () => {
  it("of this repository are as they should be", async () => {
    const supply = await readSupply()
    expect(faultsOf(supply)).toEqual([])
    expect(licencesOf(supply.lock).length).toBeGreaterThan(3)
  })

  it("are, in the smallest project", () => {
    expect(faultsOf(project())).toEqual([])
  })

  it.each<[string, (supply: Writable) => void, string]>([
    ["a range", ({ manifest }) => (manifest.devDependencies.hono = "^1.0.0"), "hono is not pinned"],
    ["a tag", ({ manifest }) => (manifest.devDependencies.hono = "latest"), "hono is not pinned"],
    ["an address", ({ manifest }) => (manifest.devDependencies.hono = "git+ssh://x/y.git"), "hono is not pinned"],
    ["another name", ({ manifest }) => (manifest.devDependencies.hono = "npm:evil@1.0.0"), "hono is not pinned"],
    [
      "a script of our own",
      ({ manifest }) => (manifest.scripts.postinstall = "x"),
      '"postinstall" runs at every install',
    ],
    ["overrides", ({ manifest }) => (manifest.overrides = {}), "overrides"],
    ["an old lock", ({ lock }) => (lock.lockfileVersion = 1), "version 1"],
    ["a lock of another manifest", ({ lock }) => delete lock.packages[""].devDependencies.vite, "vite is undefined"],
    [
      "another version",
      ({ lock }) => (lock.packages["node_modules/vite"].version = "1.0.1"),
      "vite 1.0.0 is locked as 1.0.1",
    ],
    ["no hash", ({ lock }) => delete lock.packages["node_modules/hono"].integrity, "node_modules/hono has no SHA-512"],
    ["a weak hash", ({ lock }) => (lock.packages["node_modules/hono"].integrity = "sha1-AAAA"), "has no SHA-512"],
    [
      "a second hash",
      ({ lock }) => (lock.packages["node_modules/hono"].integrity = `${HASH} ${HASH}`),
      "has no SHA-512",
    ],
    [
      "a host",
      ({ lock }) => (lock.packages["node_modules/hono"].resolved = "https://evil.example/x.tgz"),
      "from: evil.example",
    ],
    ["a link", ({ lock }) => (lock.packages["node_modules/hono"].link = true), "is a link"],
    [
      "a script that nobody allowed",
      ({ lock }) => (lock.packages["node_modules/hono"].hasInstallScript = true),
      "hono runs a script",
    ],
    ["an allowance for nothing", ({ manifest }) => (manifest.allowScripts.hono = true), "hono is in allowScripts"],
    ["an allowance that says no", ({ manifest }) => (manifest.allowScripts.vite = false), "vite runs a script"],
    ["no reason", (supply) => (supply.record = supply.record.replace("Routes.", "")), "does not say of hono"],
    ["no row", (supply) => (supply.record = ""), "does not say of hono"],
    ["a row of what is gone", (supply) => (supply.record += "| `gone` | x | x | x |\n"), "tells of gone"],
    [
      "a licence in a Worker",
      ({ lock }) => (lock.packages["node_modules/hono"].license = "MPL-2.0"),
      "not for what ends up in a Worker",
    ],
    [
      "a licence that a Worker's package brings",
      ({ lock }) => (lock.packages["node_modules/hono/node_modules/helper"].license = "MIT AND GPL-3.0"),
      "helper is under MIT AND GPL-3.0",
    ],
    ["a licence of a tool", ({ lock }) => (lock.packages["node_modules/vite"].license = "AGPL-3.0"), "not for a tool"],
    ["no licence", ({ lock }) => delete lock.packages["node_modules/vite"].license, "under no licence"],
    [
      "what is installed and not locked",
      (supply) => (supply.installed = { packages: { "node_modules/evil": entry() } }),
      "evil 1.0.0 is not in package-lock.json",
    ],
    [
      "what is installed otherwise",
      (supply) =>
        (supply.installed = { packages: { "node_modules/hono": entry({ integrity: HASH.replace("A", "B") }) } }),
      "run npm ci",
    ],
    ["a registry", (supply) => (supply.npmrc += "registry=https://evil.example\n"), '"registry" says whom to trust'],
    ["a credential", (supply) => (supply.npmrc += "//x/:_authToken=t0p\n"), "says whom to trust"],
    [
      "an action by its tag",
      (supply) => (supply.workflows["ci.yml"] += "- uses: actions/cache@v4\n"),
      "actions/cache@v4",
    ],
  ])("%s is a fault", (_, change, fault) => {
    const faults = faultsOf(project(change))
    expect(faults.join("\n")).toContain(fault)
    expect(faults.join("\n")).not.toContain("t0p")
  })
})
