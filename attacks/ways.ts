/**
 * Ways to write a request so that a rule reads one place and a server another: escapes, slashes, dot segments and parameters of
 * every kind, in any mixture, hosts in all spellings, and headers by which some servers are told of another place. Which server
 * falls for which way is for others to say.
 */
import * as fc from "fast-check"

/** What somebody sends who wants to go where he must not. */
export interface Way {
  readonly host: string
  /** Path and query. */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

const SLASHES = [
  "//",
  "/./",
  "///",
  "\\",
  "%2f",
  "%2F",
  "%5c",
  "%5C",
  "/%2e/",
  ";/",
  ";x=y/",
  "/;/",
  "/;x/",
  "%252f",
  "%c0%af",
  "\u2215",
]
const UPS = [
  "..",
  "..",
  "..",
  ".%2e",
  "%2e.",
  "%2E%2e",
  "..;",
  "..;x=y",
  "%2e%2e;",
  "..%3b",
  "..%3Bx",
  "..%3f",
  "..;%23x",
  "%252e%252e",
  "%c0%ae%c0%ae",
  ".. ",
  "..%20",
  "..%00",
  "...",
]
const PLAIN_UPS = ["..", ".%2e", "%2E.", "%2e%2E"]
const HERES = [".", "%2e", ".;", ".;x", "%2e%3b", ""]
const DOWNS = ["a", "public", "static", "a;b", "a%2fb", "admin", "%61", "a.b", "~", "a%3b"]
const PARAMETERS = [";", ";x", ";x=y", ";a=b;c=d", "%3b", "%3Bx=y", ",x", ";/", ";%2f"]
const TAILS = [
  "/",
  "/x",
  "/x/y",
  "//",
  "/.",
  "/..",
  "/../admin",
  "%2f",
  "%2fx",
  "\\x",
  ".",
  "%20",
  "%00",
  "%0a",
  ".json",
  ".json",
  ".jso%6e",
  "%2ejson",
  "/a.json",
  "/a.json;x",
  "/a.json%3bx",
  "/a.json/",
  "/a.json/.",
  "/a.json%00",
  "/b/../a.json",
  "/;x",
  "/%2e%2e/admin/x",
  "%",
  "%4",
]
const QUERIES = ["?", "?x=/admin", "?/../admin", "#", "#x", "#/../x", "%23", "%3f", "?%2e%2e/admin", "??"]

const HOST_TAILS = [
  ".",
  "..",
  ":80",
  ":443",
  ":",
  ":0080",
  ".:80",
  " ",
  "\t",
  "%2e",
  "#",
  "/",
  "\\",
  "?x",
  "@app.test",
  ", app.test",
]
const HOST_HEADS = ["app.test@", "x:y@", " ", "\t", "//", "%00", "\u200b", "app.test, "]

/** Headers in which some servers look for the place, the host or the method. */
export const TOLD_OF = [
  "x-original-url",
  "x-original-uri",
  "x-rewrite-url",
  "x-forwarded-uri",
  "x-forwarded-prefix",
  "x-forwarded-path",
  "x-forwarded-host",
  "x-original-host",
  "forwarded",
  "x-http-method-override",
  "x-method-override",
] as const

/** Ways to `target`, a word such as `admin`, which may begin below `from`. */
export function pathsTo(target: string, from: string): fc.Arbitrary<string> {
  return joined(
    mostly(12, "/", SLASHES),
    sometimes(0.4, joined(fc.constant(from), slash)),
    fc.array(detour, { maxLength: 3 }).map((parts) => parts.join("")),
    written(target),
    sometimes(0.25, fc.constantFrom(...PARAMETERS)),
    sometimes(0.35, fc.constantFrom(...TAILS)),
    sometimes(0.15, fc.constantFrom(...QUERIES)),
  )
}

/** Ways to write a host. */
export function hostsTo(target: string): fc.Arbitrary<string> {
  return joined(
    sometimes(0.2, fc.constantFrom(...HOST_HEADS)),
    spelled(target, (letter) => [
      [14, letter],
      [4, letter.toUpperCase()],
      [1, `%${hexOf(letter)}`],
      [1, letter === "." ? "\u3002" : wide(letter)],
    ]),
    sometimes(0.4, fc.constantFrom(...HOST_TAILS)),
  )
}

/** Headers that tell some servers of `target` or of `host`, whatever the request itself says. */
export function headersTo(target: string, host: string): fc.Arbitrary<Way["headers"]> {
  const name = fc.constantFrom(...TOLD_OF).chain((known) => spelled(known, spellingsOfName))
  const value = fc.constantFrom(`/${target}`, `/${target}/x`, host, `host=${host}`, `/public;/../${target}`, "DELETE")
  const connection = fc.constant<readonly [string, string]>(["connection", "host, x-original-url"])
  return fc.array(fc.oneof({ weight: 9, arbitrary: fc.tuple(name, value) }, { weight: 1, arbitrary: connection }), {
    maxLength: 2,
  })
}

/** Ways to a path on a host of no importance, or to a host. */
export function waysTo(target: string, from: string, host: string): fc.Arbitrary<Way> {
  return fc.record({
    host: fc.oneof({ weight: 4, arbitrary: fc.constant("app.test") }, { weight: 1, arbitrary: hostsTo(host) }),
    target: pathsTo(target, from),
    headers: fc.oneof(
      { weight: 4, arbitrary: fc.constant<Way["headers"]>([]) },
      { weight: 1, arbitrary: headersTo(target, host) },
    ),
  })
}

const slash = mostly(7, "/", SLASHES)
const up = fc.oneof(
  { weight: 7, arbitrary: fc.constantFrom(...PLAIN_UPS) },
  { weight: 3, arbitrary: fc.constantFrom(...UPS) },
)

/** Leads back to where it began, for those who understand it. */
const detour = fc.oneof(
  { weight: 5, arbitrary: joined(fc.constantFrom(...HERES), slash) },
  { weight: 7, arbitrary: joined(up, slash) },
  { weight: 8, arbitrary: joined(fc.constantFrom(...DOWNS), slash, up, slash) },
)

/** A word as it is, or with letters in other ways. */
function written(word: string): fc.Arbitrary<string> {
  const respelled = spelled(word, (letter) => [
    [60, letter],
    [20, `%${hexOf(letter)}`],
    [12, `%${hexOf(letter).toUpperCase()}`],
    [2, `%25${hexOf(letter)}`],
    [2, `%u00${hexOf(letter)}`],
    [2, letter.toUpperCase()],
    [2, wide(letter)],
  ])
  return fc.oneof({ weight: 6, arbitrary: fc.constant(word) }, { weight: 4, arbitrary: respelled })
}

function spellingsOfName(letter: string): readonly (readonly [number, string])[] {
  return letter === "-"
    ? [
        [6, "-"],
        [2, "_"],
        [2, "."],
      ]
    : [
        [9, letter],
        [1, letter.toUpperCase()],
      ]
}

function spelled(
  word: string,
  ways: (letter: string) => readonly (readonly [weight: number, text: string])[],
): fc.Arbitrary<string> {
  return joined(
    ...[...word].map((letter) =>
      fc.oneof(...ways(letter).map(([weight, text]) => ({ weight, arbitrary: fc.constant(text) }))),
    ),
  )
}

function hexOf(letter: string): string {
  return letter.charCodeAt(0).toString(16)
}

/** The same letter for eyes, and for servers that fold it. */
function wide(letter: string): string {
  return String.fromCharCode(0xff00 + letter.charCodeAt(0) - 0x20)
}

function joined(...parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(...parts).map((texts) => texts.join(""))
}

function mostly(weight: number, usual: string, others: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })
}

function sometimes(share: number, part: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 100 - 100 * share, arbitrary: fc.constant("") }, { weight: 100 * share, arbitrary: part })
}
