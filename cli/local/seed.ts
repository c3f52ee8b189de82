/** Gives a mesh that holds nothing yet its first documents. A mesh that holds something is left as it is. */
import { readFile } from "node:fs/promises"
import { relative } from "node:path"
import { readDocuments } from "#shared/config/text.ts"
import type {
  Applied,
  ApplyRequest,
  ProblemDetails,
  RevisionList,
  SourcedDocument,
} from "#shared/protocol/control-api.ts"

export interface Seeded {
  /** The head revision. */
  readonly revision: number
  /** Whether it was made just now. */
  readonly applied: boolean
}

const TIMEOUT_MS = 30_000

export async function seed(controlUrl: string, token: string, files: readonly string[]): Promise<Seeded> {
  const { revisions } = await ask<RevisionList>(`${controlUrl}/v1/revisions?limit=1`, token)
  if (revisions[0]) return { revision: revisions[0].revision, applied: false }
  const documents = (await Promise.all(files.map(readYaml))).flat()
  const { revision } = await apply(controlUrl, token, { documents, message: "First start" })
  return { revision, applied: true }
}

/** Whatever it removes: programs that apply mean what they say. */
export function apply(controlUrl: string, token: string, request: ApplyRequest): Promise<Applied> {
  return ask<Applied>(`${controlUrl}/v1/apply`, token, request)
}

export async function readYaml(file: string): Promise<readonly SourcedDocument[]> {
  const { documents, problems } = readDocuments(await readFile(file, "utf8"), relative(process.cwd(), file))
  const [first] = problems
  if (first) throw new Error(`${file}: ${first.message}`)
  return documents
}

async function ask<T>(url: string, token: string, body?: unknown, confirm?: string): Promise<T> {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : writing(confirm)) },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (response.ok) return JSON.parse(text) as T
  const word = response.status === 428 && confirm === undefined && (JSON.parse(text) as ProblemDetails).confirm?.word
  if (word) return ask<T>(url, token, body, word)
  throw new Error(`${new URL(url).pathname} answered ${response.status}: ${explain(text)}`)
}

function writing(confirm?: string): Record<string, string> {
  return {
    ...{ "content-type": "application/json", "idempotency-key": crypto.randomUUID() },
    ...(confirm !== undefined && { "weft-confirm": confirm }),
  }
}

function explain(text: string): string {
  try {
    const { title, detail, problems } = JSON.parse(text) as ProblemDetails
    const lines = problems?.map(({ path, message, hint }) => `\n  ${path}: ${message}${hint ? ` (${hint})` : ""}`) ?? []
    return [detail ?? title, ...lines].join("")
  } catch {
    return text.slice(0, 200)
  }
}
