import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { readDocuments } from "#shared/config/text.ts"

describe("documents as text", () => {
  it.each([
    ["JSON", '{"a": [1, "x", null, true]}', [{ a: [1, "x", null, true] }]],
    ["YAML 1.2: yes and on are texts", "a: [yes, on, 0x10, 1e3]", [{ a: ["yes", "on", 16, 1_000] }]],
    ["several documents; empty ones are none", "---\n# nothing\n---\na: 1\n---\nb: 2\n", [{ a: 1 }, { b: 2 }]],
    ["aliases", "a: &x [1]\nb: *x", [{ a: [1], b: [1] }]],
    ["keys that are not texts, as texts", "1: a\ntrue: b", [{ 1: "a", true: "b" }]],
    ["nothing", "", []],
  ])("takes %s", (_, text, contents) => {
    const read = readDocuments(text, "f.yaml")
    expect(read.problems).toEqual([])
    expect(read.documents.map(({ content }) => content)).toEqual(contents)
  })

  it.each([
    ["a key twice", "a: 1\nb: 2\na: 3", "duplicate-key", 3, 1],
    ["a key twice in JSON", '{"a": 1, "\\u0061": 2}', "duplicate-key", 1, 10],
    ["a prototype", "x:\n  __proto__: {}", "forbidden-key", 2, 3],
    ["a merge key", "x: &x {}\ny: { <<: *x }", "merge-key", 2, 6],
    ["a tag", "a: !!js/function x", "yaml-tag", 1, 18],
    ["a binary", "a: !!binary aGk=", "yaml-tag", 1, 13],
    ["a key that is a list", "? [1]\n: 2", "bad-key", 1, 3],
    ["an unknown alias", "a: *nope", "unknown-alias", 1, 4],
    ["infinity", "a: .inf", "bad-number", 1, 4],
    ["a number too large", "a: 1e400", "bad-number", 1, 4],
    ["YAML 1.1", "%YAML 1.1\n---\na: yes", "yaml-version", 2, 1],
    ["a tab", "a:\n\tb: 1", "syntax", 2, 1],
    ["an open bracket", "a: [1", "syntax", 1, 6],
    ["an alias of itself", "a: &a [*a]", "too-deep", 1, 8],
    ["depth", "[".repeat(70) + "]".repeat(70), "too-deep", 1, 66],
  ])("refuses %s", (_, text, rule, line, column) => {
    const [problem, ...more] = readDocuments(text, "f.yaml").problems
    expect(more).toEqual([])
    expect(problem).toMatchObject({ rule, source: { file: "f.yaml", line, column } })
  })

  it("refuses aliases that multiply, soon", () => {
    const levels = Array.from({ length: 9 }, (_, level) => {
      return `a${level + 1}: &a${level + 1} [${Array(10).fill(`*a${level}`).join(", ")}]`
    })
    const { documents, problems } = readDocuments(["a0: &a0 [x, x]", ...levels].join("\n"), "bomb.yaml")
    expect(documents).toEqual([])
    expect(problems.map(({ rule }) => rule)).toEqual(["too-many-aliases"])
  })

  it("refuses depth that exhausts the parser, as one problem", () => {
    for (const text of ["[".repeat(100_000), "{a:".repeat(20_000), "- ".repeat(20_000)]) {
      expect(readDocuments(text, "deep.yaml").problems.map(({ rule }) => rule)).toEqual(["too-deep"])
    }
  })

  it("refuses more bytes than the limit", () => {
    expect(readDocuments("x".repeat(4 * 1024 * 1024 + 1), "large.yaml").problems).toMatchObject([{ rule: "too-large" }])
  })

  it("knows where everything stands", () => {
    const text = 'routes:\n  shop:\n    rules:\n      - name: x\n        match: { headers: { "x.y": a } }\n'
    const locate = readDocuments(text, "f.yaml").documents[0]!.locate!
    expect(locate("")).toEqual({ line: 1, column: 1 })
    expect(locate("routes.shop")).toEqual({ line: 2, column: 3 })
    expect(locate("routes.shop.rules[0]")).toEqual({ line: 4, column: 9 })
    expect(locate('routes.shop.rules[0].match.headers["x.y"]')).toEqual({ line: 5, column: 29 })
    expect(locate("routes.shop.hosts[3].x")).toEqual({ line: 2, column: 3 })
  })

  it("brings problems of the whole mesh back to the file and line that can be mended", () => {
    const mesh = readDocuments("services:\n  web: {}\n", "a.yaml").documents
    const routes = readDocuments(
      "routes:\n  shop:\n    hosts: [shop.test]\n    rules:\n      - backends: [{ service: wbe }]\n",
      "b.yaml",
    ).documents
    expect(compile([], { documents: [...mesh, ...routes], prune: false, revision: 1 })).toEqual({
      problems: [
        {
          path: "routes.shop.rules[0].backends[0].service",
          rule: "unknown-service",
          message: 'No service is named "wbe"',
          hint: 'did you mean "web"?',
          resource: { kind: "Route", namespace: "default", name: "shop" },
          source: { file: "b.yaml", line: 5, column: 22 },
        },
      ],
    })
  })
})
