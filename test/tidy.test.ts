/** The rules that no compiler knows: which way the layers point, what the core may not touch, what belongs together. */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { REFUSALS } from "#shared/model/refusal.ts"

const ROOT = join(import.meta.dirname, "..")
const FILES = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(ROOT, file)))
const SOURCES = FILES.filter((file) => /\.(ts|mjs)$/.test(file) && !file.startsWith("examples/"))
const text = (file: string) => readFileSync(join(ROOT, file), "utf8")
const code = (file: string) => text(file).replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "")
const within = (folder: string) => SOURCES.filter((file) => file.startsWith(`${folder}/`))

const JOINED = [
  "balancing",
  "identity",
  "model",
  "propagation",
  "protocol",
  "resilience",
  "rollout",
  "routing",
  "std",
  "telemetry",
]

/** Which layers a layer may import, itself included. Siblings in the middle do not know each other: the pipeline joins them. */
const MAY_IMPORT: { readonly [layer: string]: readonly string[] } = {
  "shared/std": ["shared/std", "shared/model"],
  "shared/model": ["shared/model", "shared/std"],
  "shared/routing": ["shared/routing", "shared/model", "shared/std"],
  "shared/balancing": ["shared/balancing", "shared/model", "shared/std"],
  "shared/resilience": ["shared/resilience", "shared/model", "shared/std"],
  "shared/rollout": ["shared/rollout", "shared/model", "shared/std"],
  "shared/propagation": ["shared/propagation", "shared/protocol", "shared/model", "shared/std"],
  "shared/identity": ["shared/identity", "shared/model", "shared/std"],
  "shared/telemetry": ["shared/telemetry", "shared/model", "shared/std"],
  "shared/dialects": [
    "shared/dialects",
    "shared/config",
    "shared/identity",
    "shared/routing",
    "shared/model",
    "shared/std",
    "shared/protocol",
  ],
  "shared/config": [
    "shared/config",
    "shared/dialects",
    "shared/identity",
    "shared/resilience",
    "shared/routing",
    "shared/model",
    "shared/std",
    "shared/protocol",
  ],
  // Where the siblings are joined into one decision, for the proxy and for `explain`.
  "shared/exchange": ["exchange", ...JOINED].map((part) => `shared/${part}`),
  "shared/protocol": ["shared/protocol", "shared/model", "shared/std"],
  "workers/proxy": ["workers/proxy", ...["exchange", ...JOINED].map((part) => `shared/${part}`)],
  "workers/control": ["workers/control", "durable-objects", "shared"],
  "durable-objects": ["durable-objects", "shared"],
  cli: ["cli", "shared"],
  // The list of isolates is kept by objects and machines alike.
  simulator: ["simulator", "shared", "durable-objects"],
}

interface Import {
  readonly file: string
  readonly specifier: string
}

const IMPORTS: readonly Import[] = SOURCES.flatMap((file) =>
  [...code(file).matchAll(/(?:\bfrom|^import|\bimport\()\s*"([#.@\w][^"\s;:]*)"/gm)].map(([, specifier = ""]) => ({
    file,
    specifier,
  })),
)

function layerOf(path: string): string | undefined {
  return Object.keys(MAY_IMPORT).find((layer) => path.startsWith(`${layer}/`))
}

describe("imports", () => {
  it("point only to layers below", () => {
    const wrong = IMPORTS.filter(({ file, specifier }) => {
      const layer = layerOf(file)
      if (!layer || !specifier.startsWith("#")) return false
      return !MAY_IMPORT[layer]!.some((allowed) => specifier.startsWith(`#${allowed}/`))
    })
    expect(wrong).toEqual([])
  })

  it("reach other folders by their name, so that a crossing shows", () => {
    expect(IMPORTS.filter(({ specifier }) => specifier.startsWith("../"))).toEqual([])
  })

  it("say the file they mean", () => {
    const local = IMPORTS.filter(({ specifier }) => specifier.startsWith("#") || specifier.startsWith("./"))
    expect(local.filter(({ specifier }) => !/\.(ts|js|mjs|json|yaml|txt)$/.test(specifier))).toEqual([])
  })

  it("bring no library into the data path but the regex engine and signatures", () => {
    const outside = IMPORTS.filter(({ file, specifier }) => {
      const inDataPath = file.startsWith("workers/proxy/") || /^shared\/(?!config|dialects)/.test(file)
      return inDataPath && !/^[#.]/.test(specifier) && specifier !== "cloudflare:workers"
    })
    expect(outside).toEqual([
      { file: "shared/routing/regex.ts", specifier: "re2js" },
      { file: "workers/proxy/signature.ts", specifier: "jose/jws/compact/verify" },
    ])
  })

  it("keep zod with the config compiler and control, Hono with control", () => {
    const where = (library: RegExp) => [
      ...new Set(IMPORTS.filter(({ specifier }) => library.test(specifier)).map(({ file }) => dirname(file))),
    ]
    expect(where(/^zod/).filter((folder) => !/^shared\/(config|dialects)|^workers\/control/.test(folder))).toEqual([])
    expect(where(/^(hono|@hono)/).filter((folder) => !/^(workers\/control|test)/.test(folder))).toEqual([])
  })
})

describe("the core", () => {
  it.each([
    ["takes the time as an argument", /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/],
    ["takes the dice as an argument", /\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/],
    ["does not wait for the world", /(?<![.\w])fetch\(|\bsetTimeout\b|\bsetInterval\b|\bscheduler\b/],
    ["does not know the runtime", /"cloudflare:/],
  ])("%s", (_rule, forbidden) => {
    expect(within("shared").filter((file) => forbidden.test(code(file)))).toEqual([])
  })

  it("matches nothing that is configured with a native RegExp", () => {
    const dynamic = [...within("shared"), ...within("workers/proxy")].filter((file) =>
      /\bnew RegExp\(|(?<![\w.])RegExp\(/.test(code(file)),
    )
    expect(dynamic).toEqual([])
  })

  it("has a test for every file that exports a function, or for what its own folder makes of it", () => {
    const exported = within("shared").filter((file) => /^export (async )?function/m.test(code(file)))
    const tested = new Set(
      IMPORTS.filter(({ file }) => file.startsWith("test/")).map(({ specifier }) => specifier.slice(1)),
    )
    for (let grown = true; grown; ) {
      const inside = IMPORTS.filter(({ file, specifier }) => tested.has(file) && specifier.startsWith("./"))
      const reached = inside
        .map(({ file, specifier }) => join(dirname(file), specifier))
        .filter((file) => !tested.has(file))
      for (const file of reached) tested.add(file)
      grown = reached.length > 0
    }
    expect(exported.filter((file) => !tested.has(file))).toEqual([])
  })
})

describe("files", () => {
  it("begin with a comment that says what they are for", () => {
    const documented = [...within("shared"), ...within("workers"), ...within("durable-objects"), ...within("cli")]
    expect(documented.filter((file) => !/^(#!.*\n)?\/\*\*/.test(text(file)))).toEqual([])
  })

  it("have at most 300 lines", () => {
    expect(SOURCES.filter((file) => !file.startsWith("test/") && text(file).split("\n").length > 301)).toEqual([])
  })

  it("are no barrels", () => {
    expect(
      SOURCES.filter(
        (file) =>
          /^export (\*|\{[^}]*\}) from/m.test(code(file)) && !/^(workers\/\w+|bench\/workers)\/\w+\.ts$/.test(file),
      ),
    ).toEqual([])
  })

  it("name no place of one machine", () => {
    const places = /(?<![\w.])\/(work|root|home)\/\w/
    expect(
      FILES.filter(
        (file) => !/\.(png|ico|woff2)$/.test(file) && file !== "test/tidy.test.ts" && places.test(text(file)),
      ),
    ).toEqual([])
  })
})

describe("documents", () => {
  it("have a section for every refusal", () => {
    const page = text("docs/reference/refusals.md")
    expect(Object.keys(REFUSALS).filter((name) => !page.includes(`## ${name}\n`))).toEqual([])
  })

  it("say why each dependency is there", () => {
    const { devDependencies = {}, dependencies = {} } = JSON.parse(text("package.json"))
    const record = text("docs/decisions/0002-dependencies.md")
    expect(
      Object.keys({ ...devDependencies, ...dependencies }).filter((name) => !record.includes(`\`${name}\``)),
    ).toEqual([])
  })

  it("lead somewhere", () => {
    const broken = FILES.filter((file) => file.endsWith(".md")).flatMap((file) =>
      [...text(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map(([, target = ""]) => ({ file, target }))
        .filter(({ target }) => !existsSync(join(ROOT, dirname(file), target))),
    )
    expect(broken).toEqual([])
  })
})
