/** How the parts of a limit's key are written: `caller`, `header:x-api-key`. */
import type { LimitKey } from "#shared/model/rate-limit.ts"
import { parseMemberPath } from "#shared/std/member-path.ts"
import { checkClaim } from "./authentication-checks.ts"
import { checkHeaderName, checkToken } from "./checks.ts"
import { type Complaint, complain, hintFrom, quote } from "./complaint.ts"

const ALONE = ["caller", "ip", "method", "rpc", "key"] as const
const NAMED = ["header", "cookie", "capture"] as const

export function readLimitKey(text: string): LimitKey | Complaint {
  const colon = text.indexOf(":")
  const [word, name] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)]
  const alone = ALONE.find((by) => by === word)
  if (alone && colon < 0) return { by: alone }
  if (word === "claim" && name !== "") return checkClaim(name) ?? { by: "claim", way: parseMemberPath(name) ?? [name] }
  const by = NAMED.find((one) => one === word)
  if (!by || name === "") {
    const forms = [...ALONE, "claim:<name>", ...NAMED.map((one) => `${one}:<name>`)]
    return complain("bad-limit-key", `${quote(text)} is not part of a key`, hintFrom(text, "parts", forms))
  }
  const malformed = by === "header" ? checkHeaderName(name) : checkToken(name)
  return malformed ?? { by, name: by === "header" ? name.toLowerCase() : name }
}
