import { describe, expect, it } from "vitest"
import { TABLE } from "#workers/control/app.ts"
import { GROUPS } from "#workers/control/endpoint.ts"
import { call, get } from "./support.ts"

interface Operation {
  tags: string[]
  summary: string
  description: string
  security: object[]
  parameters?: { name: string; in: string; required?: boolean; schema: object }[]
  requestBody?: { required: boolean; content: Record<string, { schema: object; example: unknown }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>
}

interface Document {
  openapi: string
  info: { title: string; version: string }
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object>; securitySchemes: Record<string, object> }
}

const document = await get<Document>("/openapi.json")
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, operation })),
)

describe("the OpenAPI document", () => {
  it("is of version 3.1 and has its parts", () => {
    expect(document.openapi).toBe("3.1.0")
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) })
    expect(Object.keys(document.components.securitySchemes).toSorted()).toEqual(["basic", "bearer"])
  })

  it("lists every route of the table and no other", () => {
    const routes = TABLE.map(({ method, path }) => `${method} ${path}`)
    expect(operations.map(({ name }) => name).toSorted()).toEqual(routes.toSorted())
  })

  it("refers only to schemas that it has", () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!)
    expect(references.length).toBeGreaterThan(20)
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`)
    expect(known).toEqual(expect.arrayContaining([...new Set(references)]))
  })

  it.each(operations)("describes $name", ({ path, operation }) => {
    const { summary, description, security, tags, parameters = [], responses } = operation
    expect(summary).toMatch(/^[A-Z].*[^.]$/)
    expect(description).toContain("Needs ")
    expect(GROUPS).toContain(tags[0])
    const open = path === "/healthz" || path.startsWith("/.well-known/")
    expect(security).toEqual(open ? [] : [{ bearer: [] }, { basic: [] }])
    const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
    const inPath = parameters.filter((parameter) => parameter.in === "path")
    expect(inPath.map(({ name }) => name)).toEqual(placeholders)
    for (const parameter of inPath) expect(parameter.required).toBe(true)
    for (const [status, response] of Object.entries(responses)) {
      expect(response.description).toBeTruthy()
      if (Number(status) >= 400) {
        const schema = response.content?.["application/problem+json"]?.schema
        expect(schema).toEqual({ $ref: "#/components/schemas/ProblemDetails" })
      }
    }
    expect("401" in responses).toBe(!open)
  })

  it("gives every body an example that the API takes", async () => {
    for (const { path, operation } of operations) {
      const example = operation.requestBody?.content["application/json"]?.example
      if (example === undefined) continue
      const response = await call("POST", path, { body: example })
      expect([200, 201, 404], `${path}: ${await response.clone().text()}`).toContain(response.status)
    }
  })

  it("says that a document's content has to be there, whatever it is", () => {
    const { properties } = document.components.schemas.ApplyRequest as { properties: { documents: { items: object } } }
    expect(properties.documents.items).toMatchObject({ required: ["source", "content"] })
  })

  it("names the headers of changes", () => {
    const changing = operations.filter(({ operation }) => operation.responses["412"])
    expect(changing.map(({ name }) => name).toSorted()).toEqual([
      "DELETE /v1/resources/{kind}/{namespace}/{name}",
      "POST /v1/apply",
      "POST /v1/rollback",
    ])
    for (const { operation } of changing) {
      const headers = operation.parameters?.filter((parameter) => parameter.in === "header").map(({ name }) => name)
      expect(headers).toEqual(["If-Match", "Idempotency-Key", "Weft-Confirm"])
    }
  })
})

describe("the schema of documents", () => {
  it("is JSON Schema", async () => {
    const response = await call("GET", "/v1/schema.json")
    expect(response.headers.get("content-type")).toBe("application/schema+json")
    expect(JSON.stringify(await response.json())).toContain("services")
  })
})

describe("the reference", () => {
  it("shows every endpoint and every shape, and each link leads somewhere", async () => {
    const response = await call("GET", "/reference")
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8")
    const page = await response.text()
    for (const { path } of operations) expect(page).toContain(path)
    for (const name of Object.keys(document.components.schemas)) expect(page).toContain(`id="${name}"`)
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!))
    const links = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => match[1]!)
    expect(links.filter((link) => !ids.has(link))).toEqual([])
  })

  it("runs no script and loads nothing", async () => {
    const response = await call("GET", "/reference")
    const page = await response.text()
    expect(page).not.toMatch(/<script|\son\w+=|src=|<link|@import|url\(/i)
    const policy = response.headers.get("content-security-policy") ?? ""
    const nonce = page.match(/<style nonce="([^"]+)">/)?.[1]
    expect(policy).toBe(
      `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
  })

  it("does not trust the host that it is asked for under", async () => {
    const response = await call("GET", "/reference", { headers: { host: 'x"><script>' } })
    expect(await response.text()).not.toContain("<script>")
  })
})

describe("the reference without a token", () => {
  const open = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    call(method, path, { token: null, headers: { accept: "text/html,*/*;q=0.8", ...headers } })

  it.each(["/reference", "/"])("asks a browser at %s for one in a form, and says nothing else", async (path) => {
    const response = await open(path)
    expect(response.status).toBe(401)
    // Anything else than Bearer makes the browser ask by itself.
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="weft"')
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8")
    const page = await response.text()
    expect(page).toContain('<input id="token" type="password"')
    for (const { path } of operations.filter(({ path }) => path.startsWith("/v1/"))) expect(page).not.toContain(path)
  })

  it("runs its own script only, which talks to this control only, and stores nothing", async () => {
    const response = await open("/reference")
    const page = await response.text()
    const [, nonce] = /<script nonce="([^"]+)">/.exec(page)!
    expect(page.match(/<script/g)).toHaveLength(1)
    expect(page).not.toMatch(
      /\son\w+=|src=|<link|@import|: *url\(|localStorage|sessionStorage|document\.cookie|innerHTML/i,
    )
    expect(response.headers.get("content-security-policy")).toBe(
      `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; ` +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    expect(response.headers.get("cache-control")).toBe("no-store")
    expect(await (await open("/reference")).text()).not.toContain(nonce)
  })

  it.each([
    ["a wrong token", "/reference", { authorization: "Bearer weft_wrong_token_of_nobody" }, "text/html"],
    ["a script", "/reference", { accept: "*/*" }, "application/problem+json"],
    ["another path", "/openapi.json", {}, "application/problem+json"],
    ["a path that there is not", "/dashboard", {}, "application/problem+json"],
  ])("answers %s with 401", async (_, path, headers, type) => {
    const response = await open(path, headers as Record<string, string>)
    expect(response.status).toBe(401)
    expect(response.headers.get("content-type")).toContain(type)
  })

  it.each([
    [
      "a frame on another site",
      { "sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate" },
    ],
    ["another origin", { origin: "https://evil.example" }],
  ])("is not there for %s", async (_, headers) => {
    expect((await open("/reference", headers)).status).toBe(403)
  })

  it("answers 401 to a form post, which could only come from elsewhere", async () => {
    const response = await open("/reference", { "content-type": "application/x-www-form-urlencoded" }, "POST")
    expect(response.status).toBe(401)
    expect(response.headers.get("content-type")).toBe("application/problem+json")
  })
})
