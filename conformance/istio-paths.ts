/**
 * `istio_path_normalization.json`: what a backend gets of a path, by Istio's four settings. The mesh has one setting, which is
 * stricter than all of them (decision 0006): what it refuses or always repairs is skipped, by classes, and the rest must be equal.
 */
import { basename, posix } from "node:path"
import { type Form, type FormCase, type FormTest, NOTHING_EXPECTED } from "./form.ts"
import { list, record, skipped, text } from "./gateway-api.ts"

export const istioPathsForm: Form = {
  name: "Istio path normalization",
  takes: (file, content) => /normali[sz]ation/i.test(basename(file)) && Array.isArray(record(content).suites),
  read: (content) => list(record(content).suites).map((suite, index) => testOf(record(suite), index)),
}

/** Names that a case may have for what is sent, and for what arrives. */
const SENT = ["in", "input", "path", "rawPath", "target", "url"]
const ARRIVES = ["out", "output", "path", "pathAtBackend", "url", "URL"]

function testOf(suite: Readonly<Record<string, unknown>>, index: number): FormTest {
  const name = text(suite.name) ?? text(suite.test) ?? `suite ${index + 1}`
  return {
    name,
    documents: [{ namespace: "echo1", services: { a: {}, b: {} } }],
    backends: [
      { binding: "ECHO1__A", backend: "a", namespace: "echo1" },
      { binding: "ECHO1__B", backend: "b", namespace: "echo1" },
    ],
    cases: list(suite.cases).map((one, position) => caseOf(record(one), position)),
  }
}

function caseOf(one: Readonly<Record<string, unknown>>, position: number): FormCase {
  const expect = record(one.expect)
  const sent = firstOf(SENT, record(one.request)) ?? firstOf(SENT, one)
  const written = text(one.expect) ?? firstOf(ARRIVES, expect) ?? firstOf(["out", "output"], one)
  const statuses = [...list(expect.status), ...(/^\d{3}$/.test(written ?? "") ? [written] : [])].map(Number)
  const arrives = statuses.length > 0 && !written?.startsWith("/") ? undefined : written
  const name = `${position + 1}: ${sent ?? "no request"}`
  if (sent === undefined) return skipped(name, "the case says neither what is sent nor what arrives")
  const reason = arrives === undefined ? undefined : whyNot(sent, arrives)
  if (reason !== undefined) return skipped(name, reason)
  return {
    name,
    door: { at: "service", from: "echo1/a", to: "echo1/b" },
    removals: [],
    request: { scheme: "http", host: "b.echo1", target: sent, method: "GET", headers: [], webSocket: false },
    expect: {
      ...NOTHING_EXPECTED,
      statuses: statuses.length > 0 ? statuses : [200],
      // Escapes are the same in upper and in lower case (RFC 3986 6.2.2.1); here they are upper.
      ...(arrives !== undefined && { pathAtBackend: arrives.replace(/%[0-9a-f]{2}/gi, (hex) => hex.toUpperCase()) }),
    },
  }
}

/** Undefined: the mesh must do what Istio does. By the case's own text, never by what the mesh makes of it. */
function whyNot(sent: string, arrives: string): string | undefined {
  const path = sent.replace(/[?#].*$/s, "")
  if (/\\|%5c/i.test(path)) return "a backslash is refused: servers disagree whether it is a slash (decision 0006)"
  if (/%2f/i.test(path)) return "an escaped slash is refused: servers disagree whether it is a slash (decision 0006)"
  if (/%(?:[01][0-9a-f]|7f)/i.test(path)) return "an escaped control character is refused (decision 0006)"
  if (/\/\.\.?;/.test(path)) return "a dot segment with parameters is refused: some servers resolve it (decision 0006)"
  if (/\/\//.test(arrives)) return "slashes are always merged: there is no setting that leaves them (decision 0006)"
  if (/\/\/+\.\.?(?:\/|$)/.test(path) && posix.normalize(path) !== arrives)
    return "slashes are merged before dot segments are resolved, as file systems do it (decision 0006)"
  if (/\/\.\.?(?:\/|$)/.test(arrives) || hasNeedlessEscape(arrives))
    return "a path is always brought into its one form: there is no setting that leaves it (decision 0006)"
  return undefined
}

function hasNeedlessEscape(path: string): boolean {
  const escapes = [...path.matchAll(/%([0-9a-f]{2})/gi)].map(([, hex = ""]) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return escapes.some((char) => /[A-Za-z0-9._~-]/.test(char))
}

function firstOf(names: readonly string[], object: Readonly<Record<string, unknown>>): string | undefined {
  for (const name of names) {
    const found = text(object[name])
    if (found !== undefined) return found
  }
  return undefined
}
