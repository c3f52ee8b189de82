/** Conditions of access policies as prose writes them, each with a request that meets it and one that does not. */
import type { AttackRequest } from "#attacks/case.ts"
import type { Stage } from "#attacks/stage.ts"
import type { PolicyRuleDocument } from "#shared/model/access-document.ts"
import { issued } from "./tokens.ts"

/** What a request is like, but for its host where none is said. */
export interface Likeness {
  readonly host?: string
  readonly rawPath?: string
  readonly method?: string
  readonly headers?: AttackRequest["headers"]
}

export interface Condition {
  readonly rule: PolicyRuleDocument
  /** Absent where no request from outside can be like that. */
  readonly met?: Likeness | undefined
  readonly unmet?: Likeness | undefined
  /** Paths that nobody may reach where the condition denies. */
  readonly paths?: readonly string[]
  /** It is about end users. */
  readonly byToken?: true | undefined
}

interface Reading {
  readonly says: RegExp
  readonly means: (words: readonly string[]) => Condition
}

/** Only what is called a header, or is written as one, is one. */
const HEADER = String.raw`(?:headers? '?([\w-]+)'?|(\w+(?:-\w+)+))`
const VALUE = String.raw`('[^']*'|[\w@.:*/+-]*[\w*/+-])`
const LIST = String.raw`\[([^\]]*)\]`
const METHOD = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|PURGE"
const IS = "(?:==?|is(?: exactly)?|exactly|equals?)"

const READINGS: readonly Reading[] = [
  reading(`claim email domain ([\\w.-]+\\w)`, ([domain]) =>
    byToken({ claims: { email: [`*@${domain}`] } }, `{email:'a@${domain}'}`, "{email:'a@elsewhere.test'}"),
  ),
  reading(`claim '?([\\w.]+)'? (?:${IS}|contains|in|has|includes) \\[?${VALUE}\\]?`, ([name, value]) =>
    ofClaim(name!, value!),
  ),
  reading(`(email_verified)`, ([name]) => ofClaim(name!, "true")),
  reading(`(?:token has )?scopes? (?:${IS} |contains |has )?${VALUE}`, ([scope]) =>
    byToken({ claims: { scope: [bare(scope!)] } }, `{scope:'${bare(scope!)}'}`, `{scope:'not-${bare(scope!)}'}`),
  ),
  reading(
    `(?:source )?(namespace|service(?! account))s? (?:(not )?in ${LIST}|(?:${IS} )?${VALUE})`,
    ([what, not, list, one]) => {
      const names = one ? [bare(one)] : split(list)
      return ofCaller(what === "namespace" ? "namespaces" : "services", names, not)
    },
  ),
  reading(
    `(?:source |client |remote )?(?:IP|address)(?: block)? (not )?(?:in |${IS} )?(?:\\[([^\\]]*)\\]|([\\d./:a-f]+))`,
    ([not, list, one]) => ofAddress(one ? [one] : split(list), not),
  ),
  reading(`(?:principal|service account|sub|subject|user) (not )?in ${LIST}`, ([not, list]) =>
    principals(split(list), not),
  ),
  reading(`(?:principal|service account|sub|subject|user) (?:${IS} )?${VALUE}`, ([name]) => principals([bare(name!)])),
  // Policies have no expressions: a host or a path is written down, and is the whole of it.
  reading(`host regex '\\^?([^'$]*)\\$?'`, ([host]) => ofHosts([literal(host!)])),
  reading(`hosts? (not )?(?:in )?${LIST}`, ([not, list]) => ofHosts(split(list), not)),
  reading(`host (?:${IS} )?'?([\\w.*-]*[\\w*])'?`, ([host]) => ofHosts([host!])),
  reading(
    `methods? (not )?(?:==? |is |in )?(?:\\[([A-Z, ]+)\\]|([A-Z]+(?:(?:, ?|/| or )[A-Z]+)*))`,
    ([not, list, some]) => ofMethods(split(list || some!.replaceAll(/ or |\//g, ",")), not),
  ),
  reading(`()()((?:${METHOD})(?:(?:, ?|/| or )(?:${METHOD}))*)\\b`, ([not, list, some]) =>
    ofMethods(split(list || some!.replaceAll(/ or |\//g, ",")), not),
  ),
  reading(`uri_template '([^']*)'|path template '?(/[^\\s']*)'?`, ([uri, path]) => template(uri || path!)),
  reading(`path regex '\\^?([^'$]*)\\$?'`, ([path]) => ofPaths([{ exact: literal(path!) }], literal(path!))),
  reading(`paths (not )?(?:in )?${LIST}`, ([not, list]) => ofPaths(split(list), split(list)[0]!, not)),
  reading(`path (?:suffix|ends with) '?\\*?([^\\s',;]*[^\\s',;.])'?`, ([suffix]) =>
    ofPaths([`*${suffix}`], `/x${suffix}`),
  ),
  reading(`path (?:exact(?:ly)?|==?) '?(/[^\\s',;]*)'?`, ([path]) => ofPaths([{ exact: path! }], path!)),
  reading(`(?:path )?(?:prefix )?'?(/[^\\s',;]*)'?`, ([path]) =>
    ofPaths([{ prefix: path!.replace(/\/\*$/, "") }], path!),
  ),
  reading(`${HEADER} (not )?in ${LIST}`, ([named, bare, not, list]) => ofHeader(named || bare!, split(list), not)),
  reading(`${HEADER} (?:is )?(?:absent|missing)`, ([named, bare]) => ({
    rule: { when: [{ key: keyOf(named || bare!), notValues: ["*"] }] },
    met: {},
    unmet: { headers: [[named || bare!, "x"]] },
  })),
  // Present, absent and empty are three: a value that is there and is not empty is asked for so.
  reading(`${HEADER} (?:is )?present`, ([named, bare]) => ({
    rule: { when: [{ key: keyOf(named || bare!), values: ["*"], notValues: [""] }] },
    met: { headers: [[named || bare!, "x"]] },
    unmet: {},
  })),
  reading(`${HEADER} (?:prefix|starts with|begins with) ${VALUE}`, ([named, other, value]) =>
    ofHeader(named || other!, [`${bare(value!)}*`]),
  ),
  reading(`${HEADER} (?:suffix|ends with) ${VALUE}`, ([named, other, value]) =>
    ofHeader(named || other!, [`*${bare(value!)}`]),
  ),
  reading(`${HEADER} (?:!=|is not|not) ${VALUE}`, ([named, other, value]) =>
    ofHeader(named || other!, [bare(value!)], "not"),
  ),
  reading(`${HEADER}:? ?${IS} ${VALUE}`, ([named, other, value]) => ofHeader(named || other!, [bare(value!)])),
]

function reading(says: string, means: Reading["means"]): Reading {
  return { says: new RegExp(`^(?:${says})`, "i"), means }
}

const JOINED = /^ (?:and|on|from|with|for)(?: the)? (?=\S)/i

/** The condition at the beginning of a text: several with "and" between them hold together. */
export function readCondition(text: string): { readonly condition: Condition; readonly rest: string } | undefined {
  for (const { says, means } of READINGS) {
    const words = says.exec(text)
    if (!words) continue
    const condition = means(words.slice(1).map((word) => word ?? ""))
    const rest = text.slice(words[0].length)
    const joint = JOINED.exec(rest)
    const more = joint && readCondition(rest.slice(joint[0].length))
    return more ? { condition: both(condition, more.condition), rest: more.rest } : { condition, rest }
  }
  return undefined
}

/** Where both hold; it is enough that the first one does not. */
export function both(one: Condition, other: Condition): Condition {
  const merged = <T extends object>(a: readonly T[] = [], b: readonly T[] = []): T[] =>
    a.length === 0 && b.length === 0 ? [] : [{ ...a[0], ...b[0] } as T]
  const [from, to] = [merged(one.rule.from, other.rule.from), merged(one.rule.to, other.rule.to)]
  const when = [...(one.rule.when ?? []), ...(other.rule.when ?? [])]
  return {
    rule: { ...(from.length > 0 && { from }), ...(to.length > 0 && { to }), ...(when.length > 0 && { when }) },
    met: one.met && other.met && alike(one.met, other.met),
    unmet: one.unmet && other.met && alike(other.met, one.unmet),
    byToken: one.byToken ?? other.byToken,
  }
}

/** Two texts of what a token says are one. */
function alike(one: Likeness, other: Likeness): Likeness {
  const tokens = [...(one.headers ?? []), ...(other.headers ?? [])].filter(([name]) => name === "Authorization")
  const rest = [...(one.headers ?? []), ...(other.headers ?? [])].filter(([name]) => name !== "Authorization")
  const said = tokens.map(([, value]) => value.replace("Bearer ", "")).join(" ")
  return {
    ...one,
    ...other,
    headers: [...rest, ...(said === "" ? [] : [["Authorization", `Bearer ${said}`] as const])],
  }
}

/** Conditions about end users need somebody who vouches for them. */
export function prepare(stage: Stage, { byToken }: Condition): void {
  if (byToken) issued(stage, { required: false })
}

/** The rule that holds where this one does not, which is about one thing only. */
export function negated({ from = [], to = [], when = [] }: PolicyRuleDocument): PolicyRuleDocument | undefined {
  const [entry] = [...from, ...to] as Record<string, unknown>[]
  const keys = Object.keys(entry ?? {})
  if (keys.length + when.length !== 1 || from.length + to.length + when.length !== 1) return undefined
  const [key] = keys
  const turned = (name: string) =>
    name.startsWith("not") ? name[3]!.toLowerCase() + name.slice(4) : `not${name[0]!.toUpperCase()}${name.slice(1)}`
  if (key !== undefined) return { [from.length > 0 ? "from" : "to"]: [{ [turned(key)]: entry![key] }] }
  const { key: of, values, notValues } = when[0]!
  return { when: [{ key: of, ...(values && { notValues: values }), ...(notValues && { values: notValues }) }] }
}

function keyOf(header: string): string {
  return `request.headers[${header.toLowerCase()}]`
}

function split(list = ""): string[] {
  return list
    .split(/,\s*/)
    .map((one) => bare(one.trim()))
    .filter((one) => one !== "")
}

function bare(value: string): string {
  return /^'.*'$/.test(value) ? value.slice(1, -1) : value
}

/** What an expression takes that takes one text only; of any other nothing is made here. */
function literal(expression: string): string {
  const plain = expression.replaceAll(/\\([./-])/g, "$1")
  if (/[\\()[\]{}*+?|^$]/.test(plain)) throw new Error(`policies have no expressions: ${expression}`)
  return plain
}

function ofHeader(name: string, values: readonly string[], not = ""): Condition {
  const key = keyOf(name)
  const some = values[0]!.replace(/^\*|\*$/g, "")
  const among: Likeness = { headers: [[name, some]] }
  const other: Likeness = { headers: [[name, `not-${some}-not`]] }
  return not === ""
    ? { rule: { when: [{ key, values: [...values] }] }, met: among, unmet: other }
    : { rule: { when: [{ key, notValues: [...values] }] }, met: other, unmet: among }
}

type Source = NonNullable<PolicyRuleDocument["from"]>[number]

function byToken(source: Source, met: string, unmet: string): Condition {
  const withToken = (token: string): Likeness => ({ headers: [["Authorization", `Bearer ${token}`]] })
  return { rule: { from: [source] }, met: withToken(met), unmet: withToken(unmet), byToken: true }
}

/** A claim by the way to it, and a token in which it stands there. */
function ofClaim(name: string, value: string): Condition {
  const nested = (text: string) => name.split(".").reduceRight((inner, key) => `{'${key}':${inner}}`, `'${text}'`)
  return byToken({ claims: { [name]: [bare(value)] } }, nested(bare(value)), nested(`not-${bare(value)}`))
}

function principals(names: readonly string[], not = ""): Condition {
  const ids = names.map((name) => (name === "*" ? "*" : `https://iss.test/${name}`))
  const [among, other] = [`{sub:'${names[0]}'}`, "{sub:'somebody-else'}"]
  return not === "" ? byToken({ principals: ids }, among, other) : byToken({ notPrincipals: ids }, other, among)
}

/** Whoever calls from outside is no service of the mesh, and of no namespace. */
function ofCaller(what: "services" | "namespaces", names: readonly string[], not = ""): Condition {
  const known = what === "services" ? names.map((name) => (/[*/]/.test(name) ? name : "a")) : names
  const key = not === "" ? what : what === "services" ? "notServices" : "notNamespaces"
  return { rule: { from: [{ [key]: [...known] }] }, ...(not === "" && { unmet: {} }) }
}

/** Whoever calls on this machine does so from one address, which a case may or may not mean. */
function ofAddress(blocks: readonly string[], not = ""): Condition {
  return {
    rule: { from: [{ [not === "" ? "ipBlocks" : "notIpBlocks"]: blocks.map((one) => one.replace(/\.$/, "")) }] },
  }
}

function ofHosts(hosts: readonly string[], not = ""): Condition {
  const among = { host: hosts[0]!.replaceAll("*", "x") }
  const other = { host: "app.test" }
  const unmet = hosts.includes("app.test") ? {} : { unmet: other }
  return not === ""
    ? { rule: { to: [{ hosts: [...hosts] }] }, met: among, ...unmet }
    : { rule: { to: [{ notHosts: [...hosts] }] }, unmet: among }
}

function ofMethods(methods: readonly string[], not = ""): Condition {
  const among: Likeness = { method: methods[0]! }
  const other: Likeness = { method: ["GET", "POST", "PUT"].find((one) => !methods.includes(one))! }
  return not === ""
    ? { rule: { to: [{ methods: [...methods] }] }, met: among, unmet: other }
    : { rule: { to: [{ notMethods: [...methods] }] }, met: other, unmet: among }
}

type Path = NonNullable<NonNullable<PolicyRuleDocument["to"]>[number]["paths"]>[number]

function ofPaths(paths: readonly Path[], path: string, not = ""): Condition {
  const among: Likeness = { rawPath: path.replaceAll("*", "x") }
  if (not !== "") return { rule: { to: [{ notPaths: [...paths] }] }, met: { rawPath: "/elsewhere" }, unmet: among }
  const below = paths.flatMap((one) => {
    if (typeof one === "string") return /^(\/.*)\/\*$/.exec(one)?.[1] ?? []
    return "prefix" in one ? one.prefix : []
  })
  return { rule: { to: [{ paths: [...paths] }] }, met: among, unmet: { rawPath: "/public" }, paths: below }
}

/** A variable of a template stands for a segment, as a star does in other meshes. */
function template(text: string): Condition {
  const pattern = text.replace(/\{\*\*\}|\{[^}]*=\*\*\}|\*\*/g, "{**}").replace(/(?<=\/)(?:\*|\{\w+\})(?=\/|$)/g, "{*}")
  return {
    rule: { to: [{ paths: [pattern] }] },
    met: { rawPath: text.replaceAll(/\{[^}]*\}|\*+/g, "x") },
    unmet: { rawPath: "/public" },
  }
}
