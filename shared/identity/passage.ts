/** How a request changes on its way from a checkpoint. */
import type { CredentialPlace } from "#shared/model/authentication.ts"
import { withoutCookie, withoutParameter } from "./credentials.ts"
import { fold } from "./headers.ts"
import type { Mark } from "./marks.ts"

export interface Passage {
  /** Headers that only the checkpoint sets, folded; then those that it does set. */
  readonly cleared: ReadonlySet<string>
  readonly marks: readonly Mark[]
  /** Where credentials stand that must not go on. */
  readonly strip: readonly CredentialPlace[]
}

/** One after the other: what a later checkpoint alone may set, it also takes away. */
export function joined(passages: readonly Passage[]): Passage {
  let marks: readonly Mark[] = []
  for (const passage of passages) {
    marks = [...marks.filter(([header]) => !passage.cleared.has(fold(header))), ...passage.marks]
  }
  const cleared = new Set(passages.flatMap((one) => [...one.cleared]))
  return { cleared, marks, strip: passages.flatMap(({ strip }) => strip) }
}

/** Changes the headers, and returns the query as it goes on. */
export function takeThrough({ cleared, marks, strip }: Passage, headers: Headers, rawQuery: string): string {
  if (cleared.size > 0) {
    for (const name of [...headers.keys()]) if (cleared.has(fold(name))) headers.delete(name)
  }
  let query = rawQuery
  for (const place of strip) {
    if (place.in === "header") headers.delete(place.name)
    else if (place.in === "query") query = withoutParameter(query, place.name)
    else stripCookie(headers, place.name)
  }
  for (const [header, value] of marks) headers.set(header, value)
  return query
}

function stripCookie(headers: Headers, name: string): void {
  const cookies = headers.get("cookie")
  if (cookies === null) return
  const rest = withoutCookie(cookies, name)
  if (rest === "") headers.delete("cookie")
  else headers.set("cookie", rest)
}
