/** Which regular expressions may enter the mesh: the one place where documents meet the engine. */
import { admitRegex } from "#shared/routing/regex.ts"
import { type Complaint, complain, quote } from "./complaint.ts"

export function checkRegex(pattern: string): Complaint | undefined {
  if (pattern === "") return complain("bad-regex", "The regular expression is empty")
  const admitted = admitRegex(pattern)
  if ("regex" in admitted) return undefined
  const hint = "prefer a prefix or a template; the syntax is RE2, without look-around and back-references"
  return complain("bad-regex", `${quote(pattern)} is refused: ${admitted.problem}`, hint)
}
