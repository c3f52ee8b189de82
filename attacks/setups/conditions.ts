/** Conditions of access policies as prose writes them, each with a request that meets it and one that does not. */
import type { AttackRequest } from "#attacks/case.ts"
import type { Stage } from "#attacks/stage.ts"
import type { PolicyRuleDocument } from "#shared/model/access-document.ts"
import { issued } from "./tokens.ts"

/** What a request is like, but for its host. */
export interface Likeness {
  readonly rawPath?: string
  readonly method?: string
  readonly headers?: AttackRequest["headers"]
}

export interface Condition {
  readonly rule: PolicyRuleDocument
  readonly met: Likeness
  readonly unmet: Likeness
  /** Paths that nobody may reach where the condition denies. */
  readonly paths?: readonly string[]
  /** It is about end users. */
  readonly byToken?: true
}

interface Reading {
  readonly says: RegExp
  readonly means: (words: readonly string[]) => Condition
}

const HEADER = String.raw`(?:header )?([\w-]+)`
const VALUE = String.raw`'?([\w@.*/-]*[\w*/-])'?`
const LIST = String.raw`\[([^\]]*)\]`

const READINGS: readonly Reading[] = [
  reading(`claim email domain ([\\w.-]+\\w)`, ([domain]) =>
    byToken({ claims: { email: [`*@${domain}`] } }, `{email:'a@${domain}'}`, "{email:'a@elsewhere.test'}"),
  ),
  reading(`claim ([\\w.]+) (?:==?|is|exactly|contains|in|has) \\[?${VALUE}\\]?`, ([name, value]) =>
    byToken({ claims: { [name!]: [value!] } }, `{'${name}':'${value}'}`, `{'${name}':'not-${value}'}`),
  ),
  reading(`(?:token has )?scope ${VALUE}`, ([scope]) =>
    byToken({ claims: { scope: [scope!] } }, `{scope:'${scope}'}`, `{scope:'not-${scope}'}`),
  ),
  reading(`(?:principal|service account|sub|subject) (not )?in ${LIST}`, ([not, list]) => principals(split(list), not)),
  reading(`(?:principal|service account|sub|subject) (?:==? |is |exactly )?${VALUE}`, ([name]) => principals([name!])),
  reading(`methods? (?:==? |is |in )?\\[?([A-Z, ]+)\\]?`, ([list]) => ({
    rule: { to: [{ methods: split(list) }] },
    met: { method: split(list)[0]! },
    unmet: { method: split(list).includes("GET") ? "POST" : "GET" },
  })),
  reading(`uri_template '([^']*)'|path template '([^']*)'`, ([uri, path]) => template(uri || path!)),
  // Policies have no expressions: a path is written down, and is the whole of it.
  reading(`path regex '\\^?([^'$]*)\\$?'`, ([path]) => ofPaths([{ exact: path! }], path!)),
  reading(`paths ${LIST}`, ([list]) => ofPaths(split(list), split(list)[0]!)),
  reading(`(?:path )?(?:prefix )?'?(/[^\\s',;]*)'?`, ([path]) => ofPaths([{ prefix: path! }], path!)),
  reading(`${HEADER} (not )?in ${LIST}`, ([name, not, list]) => ofHeader(name!, split(list), not)),
  reading(`${HEADER} (?:is )?(?:absent|missing)`, ([name]) => ({
    rule: { when: [{ key: keyOf(name!), notValues: ["*"] }] },
    met: {},
    unmet: { headers: [[name!, "x"]] },
  })),
  // Present, absent and empty are three: a value that is there and is not empty is asked for so.
  reading(`${HEADER} (?:is )?present`, ([name]) => ({
    rule: { when: [{ key: keyOf(name!), values: ["*"], notValues: [""] }] },
    met: { headers: [[name!, "x"]] },
    unmet: {},
  })),
  reading(`${HEADER} (?:exactly|is|==?|equals) ${VALUE}`, ([name, value]) => ofHeader(name!, [value!])),
]

function reading(says: string, means: Reading["means"]): Reading {
  return { says: new RegExp(`^(?:${says})`, "i"), means }
}

/** The condition at the beginning of a text. */
export function readCondition(text: string): { readonly condition: Condition; readonly rest: string } | undefined {
  for (const { says, means } of READINGS) {
    const words = says.exec(text)
    if (words) return { condition: means(words.slice(1).map((word) => word ?? "")), rest: text.slice(words[0].length) }
  }
  return undefined
}

/** Conditions about end users need somebody who vouches for them. */
export function prepare(stage: Stage, { byToken }: Condition): void {
  if (byToken) issued(stage, { required: false })
}

function keyOf(header: string): string {
  return `request.headers[${header.toLowerCase()}]`
}

function split(list = ""): string[] {
  return list.split(/,\s*/).filter((one) => one !== "")
}

function ofHeader(name: string, values: readonly string[], not = ""): Condition {
  const key = keyOf(name)
  const among: Likeness = { headers: [[name, values[0]!]] }
  const other: Likeness = { headers: [[name, `not-${values[0]}`]] }
  return not === ""
    ? { rule: { when: [{ key, values: [...values] }] }, met: among, unmet: other }
    : { rule: { when: [{ key, notValues: [...values] }] }, met: other, unmet: among }
}

type Source = NonNullable<PolicyRuleDocument["from"]>[number]

function byToken(source: Source, met: string, unmet: string): Condition {
  const withToken = (token: string): Likeness => ({ headers: [["Authorization", `Bearer ${token}`]] })
  return { rule: { from: [source] }, met: withToken(met), unmet: withToken(unmet), byToken: true }
}

function principals(names: readonly string[], not = ""): Condition {
  const ids = names.map((name) => `https://iss.test/${name}`)
  const [among, other] = [`{sub:'${names[0]}'}`, "{sub:'somebody-else'}"]
  return not === "" ? byToken({ principals: ids }, among, other) : byToken({ notPrincipals: ids }, other, among)
}

type Path = NonNullable<NonNullable<PolicyRuleDocument["to"]>[number]["paths"]>[number]

function ofPaths(paths: readonly Path[], path: string): Condition {
  return {
    rule: { to: [{ paths: [...paths] }] },
    met: { rawPath: path },
    unmet: { rawPath: "/public" },
    paths: [path.replace(/\/?\*$/, "")],
  }
}

/** A variable of a template stands for a segment, as a star does in other meshes. */
function template(text: string): Condition {
  const pattern = text.replace(/\*\*|\{[^}]*=\*\*\}/g, "{**}").replace(/(?<=\/)(?:\*|\{\w+\})(?=\/|$)/g, "{*}")
  return {
    rule: { to: [{ paths: [pattern] }] },
    met: { rawPath: text.replaceAll("*", "x") },
    unmet: { rawPath: "/public" },
  }
}
