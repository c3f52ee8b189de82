import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { keepSecrets, OTHER_SECRET, shown, shownChanges } from "#shared/config/secrets.ts"
import { SECRET } from "#shared/std/secret.ts"

const SPEC = {
  hosts: ["shop.example"],
  rules: [
    {
      name: "token",
      match: {
        headers: { "x-canary": "always", "x-api-key": { exact: "k3y" }, cookie: { not: { prefix: "k3y" } } },
        query: { access_token: { present: true } },
        cookies: { session: "k3y" },
      },
      filters: [
        { requestHeaders: { set: { Authorization: "Bearer k3y", "x-plain": "plain" }, remove: ["x-secret"] } },
        { responseHeaders: { default: { "x-auth-token": "k3y", "x-plain": "plain" } } },
        { rewrite: { query: { set: { api_key: "k3y" }, add: { token: "k3y", plain: "plain" } } } },
        { cors: { origins: ["*"], headers: ["authorization"] } },
        { respond: { status: 200, headers: { "set-cookie": "k3y" }, body: "plain" } },
      ],
      backends: [{ service: "token", filters: [{ responseHeaders: { add: { "x-signature": "k3y" } } }] }],
    },
  ],
}

const KUBERNETES = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "web", namespace: "shop" },
  spec: {
    rules: [
      {
        matches: [
          {
            headers: [
              { type: "Exact", name: "x-api-key", value: "k3y" },
              { name: "x-a", value: "plain" },
            ],
          },
        ],
        filters: [
          {
            type: "RequestHeaderModifier",
            requestHeaderModifier: {
              set: [
                { name: "x-a", value: "plain" },
                { name: "authorization", value: "k3y" },
              ],
            },
          },
        ],
      },
    ],
  },
}

const texts = (value: unknown) => JSON.stringify(value)
const changeOf = (before: unknown, after: unknown) => {
  const names = { kind: "Route", namespace: "default", name: "shop" }
  return shownChanges([{ action: "change", ...names, before, after }])[0]!
}

describe("secrets in a document", () => {
  it.each([
    ["native", SPEC, 9],
    ["of Kubernetes", KUBERNETES, 2],
  ])("%s are not read back, and nothing else is hidden", (_, spec, count) => {
    const { spec: hidden } = shown({ spec })
    expect(texts(hidden)).not.toContain("k3y")
    expect(texts(hidden).split(SECRET).length - 1).toBe(count)
    expect(texts(hidden).match(/plain/g)).toEqual(texts(spec).match(/plain/g))
    expect(texts(spec)).toContain("k3y")
  })

  it("are told apart in a diff without being told", () => {
    const after = JSON.parse(texts(SPEC).replace("Bearer k3y", "Bearer n3w").replace("always", "never"))
    const change = changeOf(SPEC, after)
    expect(texts(change)).not.toMatch(/k3y|n3w/)
    expect(texts(change.after).split(OTHER_SECRET).length - 1).toBe(1)
    expect(texts(change.after)).toContain("never")
  })

  it("leave a document without them as it is", () => {
    const spec = { binding: "ORDERS", subsets: { set: { binding: "A" }, headers: { binding: "B" } } }
    expect(shown({ spec }).spec).toBe(spec)
  })
})

describe("a marker that is written back", () => {
  it.each([
    ["native", SPEC],
    ["of Kubernetes", KUBERNETES],
  ])("keeps what is there, %s", (_, spec) => {
    expect(keepSecrets(shown({ spec }).spec, spec)).toEqual({ spec, found: [] })
  })

  it.each([
    ["where there was nothing", { set: { authorization: SECRET } }, { set: {} }],
    ["under another name", { set: { "x-token": SECRET } }, { set: { authorization: "k3y" } }],
    ["in a new resource", { set: { authorization: SECRET } }, undefined],
    ["of a diff", { set: { authorization: OTHER_SECRET } }, { set: { authorization: { exact: "k3y" } } }],
    [
      "in another place of a list",
      { set: [{ name: "x-token", value: SECRET }] },
      { set: [{ name: "cookie", value: "k3y" }] },
    ],
    ["along a prototype", { set: { authorization: SECRET } }, Object.create({ set: { authorization: "k3y" } })],
  ])("%s is a problem", (_, spec, head) => {
    const { found } = keepSecrets(spec, head)
    expect(found).toMatchObject([{ complaint: { rule: "secret-missing", hint: expect.any(String) } }])
    expect(found[0]!.path.slice(0, 1)).toEqual(["set"])
  })

  it("keeps what only looks like a name and its value", () => {
    const spec = { set: { authorization: { name: "n", value: "v" } } }
    expect(keepSecrets(shown({ spec }).spec, spec)).toEqual({ spec, found: [] })
  })

  it("keeps whatever stands in any place, for any document", () => {
    const name = fc.constantFrom("authorization", "x-token", "x-canary", "set", "headers", "rules", "name", "value")
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.string(),
        fc.integer(),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(name, tie("tree"), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(tree, (spec) => {
        expect(keepSecrets(shown({ spec }).spec, spec)).toEqual({ spec, found: [] })
      }),
    )
  })

  it("goes through an apply: the mesh keeps the secret, and its place is named where there is none", () => {
    const rules = [
      { filters: [{ requestHeaders: { set: { authorization: "Bearer k3y" } } }], backends: [{ service: "a" }] },
    ]
    const route = (rules: unknown) => ({ services: { a: {} }, routes: { shop: { hosts: ["shop.example"], rules } } })
    const apply = (content: unknown, head: Parameters<typeof compile>[0] = []) =>
      compile(head, { documents: [{ source: "mesh.yaml", content }], prune: false, revision: 1 })
    const first = apply(route(rules))
    if ("problems" in first) throw new Error(texts(first.problems))
    const read = first.resources.map(shown).find(({ kind }) => kind === "Route")!.spec as { rules: unknown }
    const again = apply(route(read.rules), first.resources)
    expect(again).toMatchObject({ changes: [], text: first.text })
    const lost = apply(route(read.rules))
    expect(lost).toMatchObject({
      problems: [
        {
          rule: "secret-missing",
          path: "routes.shop.rules[0].filters[0].requestHeaders.set.authorization",
          source: { file: "mesh.yaml" },
        },
      ],
    })
  })
})
