/** What path matches mean, for everybody who has to read one. */
import type { PathMatch } from "#shared/model/route.ts"

/** The prefix "/" holds for every path: it says the same as no path match at all. */
export function isCatchAll(path: PathMatch): boolean {
  return path.kind === "prefix" && withoutTrailingSlash(path.value) === ""
}

/** A prefix takes whole segments, so a trailing slash says nothing; "/" itself becomes "". */
export function withoutTrailingSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path
}
