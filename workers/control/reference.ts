/** The OpenAPI document as a page to read: rendered here, no script, nothing loaded from elsewhere. */
import { html, raw } from "hono/html"
import type { ApiDocument } from "./openapi.ts"
import { pageResponse } from "./page.ts"
import { STYLE } from "./reference-style.ts"

type Html = ReturnType<typeof html>

const COMMON: readonly string[] = ["400", "401", "403", "408", "413", "415", "421", "429", "503"]
/** JSON that fits into this many columns stays on one line. */
const COLUMNS = 88

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly allOf?: readonly Schema[]
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: Schema
}

interface Content {
  readonly [mediaType: string]: { readonly schema?: Schema; readonly example?: unknown }
}

/** What this page reads of an operation, with its place in the document. */
interface Operation {
  readonly method: string
  readonly path: string
  readonly id: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description: string
  readonly security: readonly unknown[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>
}

export async function renderReference(document: ApiDocument): Promise<Response> {
  const nonce = crypto.randomUUID()
  return pageResponse({ nonce, text: String(await pageOf(document, nonce)) })
}

function pageOf(document: ApiDocument, nonce: string): Html {
  const operations = operationsOf(document)
  const groups = (document.tags ?? []).map(({ name }) => ({
    name,
    operations: operations.filter(({ tags }) => tags.includes(name)),
  }))
  const shapes = Object.entries((document.components?.schemas ?? {}) as Record<string, Schema>).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  )
  const origin = document.servers?.[0]?.url ?? ""
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${document.info.title}</title>
<style nonce="${nonce}">${raw(STYLE)}</style>
</head>
<body><div class="page">
<nav aria-label="Endpoints">
${groups.map((group) => html`<h2>${group.name}</h2><ul>${group.operations.map(navigation)}</ul>`)}
<h2>Shapes</h2><ul>${shapes.map(([name]) => html`<li><a href="#${name}">${name}</a></li>`)}</ul>
</nav>
<main>
<h1>${document.info.title}</h1>
<p>${prose(document.info.description ?? "")}</p>
<p>Any endpoint may answer 400 (the request is malformed), 401 (there is no valid token) and 403 (the token's role or the
request's origin does not allow it), and where there is a body, 413 (too large) and 415 (not JSON).</p>
<p>The same as <a href="/openapi.json">an OpenAPI 3.1 document</a>.</p>
${groups.map((group) => html`<section><h2>${group.name}</h2>${group.operations.map((o) => article(o, origin))}</section>`)}
<section><h2>Shapes</h2>${shapes.map(([name, schema]) => shape(name, schema))}</section>
</main>
</div></body>
</html>`
}

function operationsOf(document: ApiDocument): Operation[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Omit<Operation, "method" | "path" | "id">>).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
      id: `${method}${path.replaceAll(/\W+/g, "-")}`,
    })),
  )
}

function navigation(operation: Operation): Html {
  return html`<li><a href="#${operation.id}">${methodName(operation)} ${operation.path}</a></li>`
}

function article(operation: Operation, origin: string): Html {
  const { parameters = [], requestBody, responses } = operation
  return html`<article id="${operation.id}">
<h3>${operation.summary}</h3>
<div class="line"><code>${methodName(operation)} ${operation.path}</code></div>
<p>${prose(operation.description)}</p>
${parameters.length > 0 ? html`<h4>Parameters</h4><table><tbody>${parameters.map(parameterRow)}</tbody></table>` : ""}
${requestBody ? html`<h4>Request body</h4><p>${contentType(requestBody.content)}</p>` : ""}
<h4>Answers</h4>
${answers(responses)}
<h4>Example</h4>
<pre><code>${curl(operation, origin)}</code></pre>
</article>`
}

/** The problems that nearly every endpoint has are only counted up: their meaning stands at the top of the page. */
function answers(responses: Operation["responses"]): Html {
  const common = Object.keys(responses).filter((status) => COMMON.includes(status))
  const rows = Object.entries(responses)
    .filter(([status]) => !COMMON.includes(status))
    .map(([status, { description, content }]) => {
      const type = content ? contentType(content) : ""
      return html`<tr><th>${status}</th><td class="type">${type}</td><td>${prose(description)}</td></tr>`
    })
  return html`<table><tbody>${rows}</tbody></table><p class="soft">Also ${common.join(", ")}.</p>`
}

function methodName({ method }: Operation): Html {
  return html`<span class="method ${method.toLowerCase()}">${method}</span>`
}

function parameterRow({ name, in: place, required, description, schema }: Parameter): Html {
  const presence = required ? "" : html` <span class="soft">optional</span>`
  const text = prose(description ?? schema.description ?? "")
  return html`<tr><th><code>${name}</code>${presence}</th><td class="type">${typeOf(schema)} <span class="soft">in ${place}</span></td><td>${text}</td></tr>`
}

function contentType(content: Content): Html {
  const [[mediaType, { schema }] = ["", { schema: undefined }]] = Object.entries(content)
  return schema && Object.keys(schema).length > 0 ? typeOf(schema) : html`<code>${mediaType}</code>`
}

function shape(name: string, schema: Schema): Html {
  const description = schema.description ? html`<p>${prose(schema.description)}</p>` : ""
  return html`<article id="${name}"><h3><code>${name}</code></h3>${description}${properties(schema)}</article>`
}

function properties(schema: Schema): Html {
  const inherited = schema.allOf?.filter((part) => part.$ref) ?? []
  const own = schema.allOf?.find((part) => part.properties) ?? schema
  const rows = Object.entries(own.properties ?? {}).map(([name, property]) => {
    const presence = own.required?.includes(name) ? "" : html` <span class="soft">optional</span>`
    return html`<tr><th><code>${name}</code>${presence}</th><td class="type">${typeOf(property)}</td><td>${prose(property.description ?? "")}</td></tr>`
  })
  const also = inherited.map((part) => html`<p>All of ${typeOf(part)}, and:</p>`)
  return html`${also}<table><tbody>${rows}</tbody></table>`
}

/** A type in one line, with links to the named ones. */
function typeOf(schema: Schema): Html {
  if (schema.$ref) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1)
    return html`<a href="#${name}"><code>${name}</code></a>`
  }
  if (schema.enum) return html`<code>${schema.enum.map((value) => JSON.stringify(value)).join(" | ")}</code>`
  if (schema.items) return html`list of ${typeOf(schema.items)}`
  if (schema.allOf?.[0]) return typeOf(schema.allOf[0])
  if (schema.properties) {
    const fields = Object.entries(schema.properties).map(
      ([name, property], index) => html`${index > 0 ? ", " : ""}<code>${name}</code>: ${typeOf(property)}`,
    )
    return html`{ ${fields} }`
  }
  return html`<code>${[schema.type ?? "any"].flat().join(" | ")}</code>`
}

/** Text in which \`code\` is marked by backticks. */
function prose(text: string): (Html | string)[] {
  return text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))
}

function curl(operation: Operation, origin: string): string {
  const isOpen = operation.security.length === 0
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === "query" && parameter.required)
  const search = query.length > 0 ? `?${query.map(({ name }) => `${name}=1`).join("&")}` : ""
  const url = `${origin}${examplePath(operation)}${search}`
  const lines = [`curl ${operation.method === "GET" ? "" : `-X ${operation.method} `}${shellQuoted(url)}`]
  if (!isOpen) lines.push(`  -H "Authorization: Bearer $WEFT_TOKEN"`)
  const example = operation.requestBody?.content["application/json"]?.example
  if (example !== undefined) {
    lines.push("  -H 'Content-Type: application/json'", `  -d ${shellQuoted(compact(example))}`)
  }
  return lines.join(" \\\n")
}

const EXAMPLES: Readonly<Record<string, string>> = {
  kind: "Service",
  namespace: "default",
  name: "orders",
  revision: "head",
}

function examplePath({ path, id }: Operation): string {
  const examples = id.includes("tokens") ? { ...EXAMPLES, name: "ci" } : EXAMPLES
  return path.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => examples[name] ?? placeholder)
}

/** JSON for reading: broken into lines only where it must be. */
function compact(value: unknown, indent = "  "): string {
  const line = JSON.stringify(value)
  if (typeof value !== "object" || value === null || line.length + indent.length <= COLUMNS) return spaced(line)
  const isArray = Array.isArray(value)
  const members = Object.entries(value).map(([key, member]) => {
    const text = compact(member, `${indent}  `)
    return `${indent}  ${isArray ? text : `${JSON.stringify(key)}: ${text}`}`
  })
  return `${isArray ? "[" : "{"}\n${members.join(",\n")}\n${indent}${isArray ? "]" : "}"}`
}

/** A space after every colon and comma that stands outside of strings. */
function spaced(json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|[:,]/g, (token) => (token === ":" || token === "," ? `${token} ` : token))
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
