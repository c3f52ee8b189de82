import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { failed } from "#cli/command.ts"
import type { Connection } from "#cli/connection.ts"
import { refusal } from "#cli/refused.ts"

const CONNECTION: Connection = { url: "http://127.0.0.1:8788", token: "t", tokenFrom: ".weft/token" }
const said = (status: number, detail: string, more: object = {}) =>
  refusal(CONNECTION, status, { type: "about:blank", title: "No", status, detail, ...more })

describe("what control refuses", () => {
  it("asks for --confirm where the API asks for a header", () => {
    const confirm = { word: "0123456789abcdef", removals: [] }
    const detail =
      "What you confirmed is not this change of this head. This removes 3 of 4 of the kind Route. No service and no route would be left. Repeat the request with the header Weft-Confirm: 0123456789abcdef"
    expect(said(428, detail, { confirm })).toMatchObject({
      exit: 1,
      message:
        "What you confirmed is not this change of this head. This removes 3 of 4 of the kind Route. No service and no route would be left.",
      hint: "look at it, then give the command again with --confirm",
      confirm,
    })
  })

  it.each([
    [503, "Repeat the request; with the same Idempotency-Key it cannot act twice.", "control failed (503)"],
    [
      503,
      "This takes too long. Repeat the request; with the same Idempotency-Key it cannot act twice.",
      "control failed (503): This takes too long.",
    ],
    [500, "The log has more under 4f0c.", "control failed (500): The log has more under 4f0c."],
  ])("says of %d %j: %s", (status, detail, message) => {
    expect(said(status, detail)).toMatchObject({ exit: 3, message, hint: expect.any(String) })
  })

  it.each([
    [404, "There is no revision 99.", "`weft history` lists them"],
    [404, "There is no revision yet.", "`weft apply -f mesh.yaml` makes the first"],
    [404, "There is no token ci.", "`weft token list` lists them, `weft token revoke <name>` ends one"],
    [409, "There is a token ci already; revoke it first.", "`weft token revoke ci` ends it"],
    [409, "There is a key acme already; revoke it first.", "`weft key revoke acme` ends it"],
    [404, "There is no such key.", "`weft identity keys` lists them"],
    [404, "There is no Route default/shop.", "`weft get Route` lists what there is"],
    [404, "There is no service default/orders.", "`weft get services` lists them"],
    [404, "The service default/orders has no subset v9.", "`weft get service/default/orders` shows what it has"],
    [409, "No page of default/fast fires.", "`weft alerts` says which do"],
    [413, "At most 4194304 bytes are read.", "give the documents in several commands"],
  ])("%d %j is followed by: %s", (status, detail, hint) => {
    expect(said(status, detail)).toMatchObject({ exit: 1, message: detail, hint })
  })

  it.each([
    ["expiresInSeconds", "Too big: expected number to be <=315360000", "--expires", "at most 3650d"],
    ["expiresInSeconds", "Too small: expected number to be >=1", "--expires", "at least 1s"],
    ["scopes.0", "Invalid string", "--scope.0", "Invalid string"],
    ["name", "Invalid string", "name", "Invalid string"],
  ])("says by the option what is wrong with %s: %s", (path, message, option, text) => {
    const problems = [{ path, rule: "too-big", message }]
    expect(said(400, "The body is not as it should be.", { problems })).toMatchObject({
      exit: 1,
      problems: [{ path: option, message: text }],
    })
  })

  it.each([
    ["a page of somebody else", "<html>"],
    ["nothing", undefined],
    ["another object", { error: "no" }],
  ])("takes %s for no control, and asks whether it is the other port", (_, body) => {
    expect(refusal(CONNECTION, 404, body)).toMatchObject({
      exit: 3,
      message: "what answers at http://127.0.0.1:8788 (status 404) is not a Weft control",
      hint: "is it the ingress? --url or WEFT_URL names control",
    })
  })
})

/** Every detail that control's sources hold, as far as it stands there in one piece. */
const DETAILS = sources(join(import.meta.dirname, "../../workers/control")).flatMap((text) =>
  [...text.matchAll(/problem\(\s*(\d{3}),[^"`']*(["`'])((?:[^\\]|\\.)*?)\2/g)].map(
    ([, status, , detail]) => [Number(status), detail!.replaceAll(/\$\{[^}]*\}/g, "x")] as const,
  ),
)
/** Only a program that is not this one can be told so. */
const NEVER =
  /^(?:Idempotency-Key must|If-Match must|Weft-Confirm must|The query parameter|Requests from other|The host or)/

function sources(folder: string): string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".ts"))
  return files.map((name) => readFileSync(join(folder, name), "utf8"))
}

describe("what the CLI says of control's answers", () => {
  it("is nothing of headers, paths and requests", () => {
    expect(DETAILS.length).toBeGreaterThan(40)
    const spoken = DETAILS.filter(([, detail]) => !NEVER.test(detail)).flatMap(([status, detail]) => {
      const failure = said(status, detail, status === 428 ? { confirm: { word: "w", removals: [] } } : {})
      if (!failed(failure)) throw new Error("no failure")
      return [failure.message, failure.hint ?? ""]
    })
    expect(
      spoken.filter((text) => /Weft-Confirm|If-Match|Idempotency|Content-Type|header|the request|\/v1\//i.test(text)),
    ).toEqual([])
  })
})
