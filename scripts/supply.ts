/**
 * What can be said of the packages without asking anybody: that what is installed is what was reviewed, that nothing runs at install
 * time but what has to, that each package is there for a reason, and under which licences.
 */

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly overrides?: unknown
  readonly scripts?: Readonly<Record<string, string>>
  readonly allowScripts?: Readonly<Record<string, boolean>>
}

export interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly license?: string
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Lock {
  readonly lockfileVersion: number
  readonly packages: Readonly<Record<string, LockedPackage>>
}

export interface Supply {
  readonly manifest: Manifest
  readonly lock: Lock
  /** What npm wrote down of what it installed; absent before an install. */
  readonly installed?: Lock | undefined
  /** The decision record with its table of packages. */
  readonly record: string
  /** Files by name: configurations of npm, and workflows. */
  readonly npmrc: string
  readonly workflows: Readonly<Record<string, string>>
}

/** Licences of what ends up in the Workers: no conditions but to name them. */
const PERMISSIVE = new Set(["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT"])
/** Of tools that are used as they are and never handed on: conditions on their own files are met by leaving those alone. */
const TOLERATED = new Set([...PERMISSIVE, "LGPL-3.0-or-later", "MPL-2.0"])

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/
/** Scripts that npm runs by itself when the package is installed. */
const AT_INSTALL = ["preinstall", "install", "postinstall", "prepare", "prepublish", "preprepare", "postprepare"]

/** Everything that is not as it should be, in a sentence each. */
export function faultsOf(supply: Supply): string[] {
  const { manifest, lock } = supply
  return [
    ...manifestFaults(manifest),
    ...lockFaults(manifest, lock),
    ...Object.entries(lock.packages).flatMap(([path, locked]) => (path === "" ? [] : packageFaults(path, locked))),
    ...scriptFaults(manifest, lock),
    ...recordFaults(supply),
    ...licenceFaults(supply),
    ...installedFaults(supply),
    ...environmentFaults(supply),
  ]
}

/** How many packages there are under each licence, the most first. */
export function licencesOf({ packages }: Lock): [licence: string, count: number][] {
  const counts = new Map<string, number>()
  for (const [path, { license = "none" }] of Object.entries(packages)) {
    if (path !== "") counts.set(license, (counts.get(license) ?? 0) + 1)
  }
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
}

function manifestFaults(manifest: Manifest): string[] {
  const own = AT_INSTALL.filter((name) => manifest.scripts?.[name] !== undefined)
  return [
    ...Object.entries(directOf(manifest))
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => `package.json: ${name} is not pinned to one version, but "${version}"`),
    ...own.map((name) => `package.json: the script "${name}" runs at every install`),
    ...(manifest.overrides === undefined ? [] : ["package.json: overrides put versions in place that nobody reviewed"]),
  ]
}

function lockFaults(manifest: Manifest, { lockfileVersion, packages }: Lock): string[] {
  const root = directOf((packages[""] ?? {}) as Manifest)
  const names = new Set([...Object.keys(root), ...Object.keys(directOf(manifest))])
  return [
    ...(lockfileVersion === 3 ? [] : [`package-lock.json: version ${lockfileVersion}, and 3 was expected`]),
    ...[...names].flatMap((name) => {
      const wanted = directOf(manifest)[name]
      if (root[name] !== wanted) return [`package-lock.json: ${name} is ${root[name]} and in package.json ${wanted}`]
      const locked = packages[`node_modules/${name}`]?.version
      return locked === wanted ? [] : [`package-lock.json: ${name} ${wanted} is locked as ${locked}`]
    }),
  ]
}

function packageFaults(path: string, { version, integrity, resolved, link }: LockedPackage): string[] {
  const faults: string[] = []
  if (link) faults.push("is a link to somewhere else")
  if (!EXACT.test(version ?? "")) faults.push(`has the version "${version}"`)
  if (!INTEGRITY.test(integrity ?? "")) faults.push("has no SHA-512 of what it holds")
  // A name of a host would be asked in the place of the registry that is configured.
  if (resolved !== undefined) faults.push(`names where it is from: ${resolved.replace(/^(\w+:\/\/)?([^/]*).*/, "$2")}`)
  return faults.map((fault) => `package-lock.json: ${path} ${fault}`)
}

function scriptFaults({ allowScripts = {} }: Manifest, { packages }: Lock): string[] {
  const having = new Set(
    Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => nameOf(path)),
  )
  const allowed = new Set(Object.keys(allowScripts).filter((name) => allowScripts[name]))
  return [
    ...[...having]
      .filter((name) => !allowed.has(name))
      .map((name) => `${name} runs a script at install, and is not in allowScripts`),
    ...[...allowed]
      .filter((name) => !having.has(name))
      .map((name) => `${name} is in allowScripts, and has no script to run`),
  ]
}

interface Row {
  readonly cells: readonly string[]
  readonly endsUpIn: string
}

/** The rows of the record's table by package. */
function rowsOf(record: string): ReadonlyMap<string, Row> {
  const rows = record.split("\n").flatMap((line): [string, Row][] => {
    const cells = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim())
    const [, name] = /^`([^`]+)`$/.exec(cells[0] ?? "") ?? []
    return name === undefined ? [] : [[name, { cells, endsUpIn: cells[1] ?? "" }]]
  })
  return new Map(rows)
}

function recordFaults({ manifest, record }: Supply): string[] {
  const rows = rowsOf(record)
  const direct = Object.keys(directOf(manifest))
  return [
    ...direct
      .filter((name) => (rows.get(name)?.cells.filter((cell) => cell !== "").length ?? 0) < 4)
      .map(
        (name) =>
          `the record of dependencies does not say of ${name} where it ends up, why it is here and how healthy it is`,
      ),
    ...[...rows.keys()]
      .filter((name) => !direct.includes(name))
      .map((name) => `the record of dependencies tells of ${name}, which is none`),
  ]
}

function licenceFaults({ lock, record }: Supply): string[] {
  const shipped = shippedOf(lock, record)
  return Object.entries(lock.packages).flatMap(([path, { license }]) => {
    if (path === "") return []
    const allowed = shipped.has(path) ? PERMISSIVE : TOLERATED
    if (license !== undefined && isAllowed(license, allowed)) return []
    const where = shipped.has(path) ? "what ends up in a Worker" : "a tool"
    return [`${path} is under ${license ?? "no licence"}, which is not for ${where}`]
  })
}

/** `MIT OR X` needs one of them, `MIT AND X` both. */
function isAllowed(expression: string, allowed: ReadonlySet<string>): boolean {
  const plain = expression.replaceAll(/[()]/g, "")
  return plain.split(" OR ").some((one) => one.split(" AND ").every((licence) => allowed.has(licence.trim())))
}

/** The packages of the Workers' bundles, with all that they bring. */
function shippedOf({ packages }: Lock, record: string): ReadonlySet<string> {
  const rows = [...rowsOf(record)].filter(([, { endsUpIn }]) => /data path|control/.test(endsUpIn))
  const shipped = new Set<string>()
  const add = (name: string, from: string) => {
    const path = pathOf(packages, name, from)
    if (path === undefined || shipped.has(path)) return
    shipped.add(path)
    for (const next of Object.keys(packages[path]?.dependencies ?? {})) add(next, path)
  }
  for (const [name] of rows) add(name, "")
  return shipped
}

/** Where a package finds another: beside it, or in a folder further out. */
function pathOf(packages: Lock["packages"], name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`
    if (packages[path]) return path
    if (folder === "") return undefined
  }
}

/** What another platform needs is locked and not installed. */
function installedFaults({ lock, installed }: Supply): string[] {
  return Object.entries(installed?.packages ?? {}).flatMap(([path, { version, integrity }]) => {
    const locked = lock.packages[path]
    if (!locked) return [`installed: ${path} ${version} is not in package-lock.json`]
    const same = locked.version === version && locked.integrity === integrity
    return same ? [] : [`installed: ${path} is ${version}, and ${locked.version} is locked: run npm ci`]
  })
}

function environmentFaults({ npmrc, workflows }: Supply): string[] {
  const settings = npmrc
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^[#;]/.test(line))
  return [
    ...settings
      .filter((line) => /registry|_auth|token|password|ignore-scripts\s*=\s*false|strict-ssl|cafile|proxy/i.test(line))
      .map((line) => `.npmrc: "${line.split("=", 1)[0]}" says whom to trust, for everybody who clones this`),
    ...Object.entries(workflows).flatMap(([file, text]) =>
      [...text.matchAll(/\buses:\s*(\S+)/g)]
        .map(([, action = ""]) => action)
        .filter((action) => !action.startsWith("./") && !/@[0-9a-f]{40}$/.test(action))
        .map((action) => `${file}: ${action} may be another one tomorrow; name its commit`),
    ),
  ]
}

function directOf({ dependencies, devDependencies, optionalDependencies }: Manifest): Readonly<Record<string, string>> {
  return { ...dependencies, ...devDependencies, ...optionalDependencies }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)
}
