/** Filters. One that cannot be done as it is written is refused with its reason: skipping it would let requests through unfiltered. */
import { checkChangedHeader } from "#shared/config/checks.ts"
import { hintFrom, quote } from "#shared/config/complaint.ts"
import type { PathChange } from "#shared/model/rewrite.ts"
import type { Filter, HeaderChange, Redirect } from "#shared/model/route.ts"
import { canonicalPath } from "#shared/std/path.ts"
import type { Path, Write } from "./notes.ts"
import { FILTER_KEYS } from "./schema-filter.ts"
import type { FilterSpec, HeaderModifier, MirrorSpec, ObjectRef, PathModifier, RedirectSpec } from "./types.ts"
import type { Target } from "./world.ts"

export interface FilterContext {
  readonly write: Write
  target(ref: ObjectRef): Target
}

/** Why a part of a route cannot be done. */
export interface Refused {
  readonly refused: string
  readonly path: Path
}

const DEFAULT_STATUS = 302
const STATUSES: readonly number[] = [301, 302, 303, 307, 308]
const CORS_MAX_AGE_SECONDS = 5

export function isRefused(value: object): value is Refused {
  return "refused" in value
}

/** All filters of one list, or why one of them cannot be done. */
export function translateFilters(
  context: FilterContext,
  filters: readonly FilterSpec[] = [],
  path: Path,
): Filter[] | Refused {
  const translated: Filter[] = []
  for (const [index, filter] of filters.entries()) {
    const one = translateFilter(context, filter, [...path, "filters", index])
    if (one && isRefused(one)) return one
    if (one) translated.push(one)
  }
  return translated
}

/** Undefined for a mirror that leads nowhere: the request itself is unaffected by it. */
function translateFilter(context: FilterContext, filter: FilterSpec, path: Path): Filter | Refused | undefined {
  const at = [...path, FILTER_KEYS[filter.type] ?? "type"]
  switch (filter.type) {
    case "RequestHeaderModifier":
      return headerFilter("requestHeaders", filter.requestHeaderModifier!, at)
    case "ResponseHeaderModifier":
      return headerFilter("responseHeaders", filter.responseHeaderModifier!, at)
    case "RequestMirror":
      return mirror(context, filter.requestMirror!, at)
    case "RequestRedirect":
      return redirect(filter.requestRedirect!, at)
    case "URLRewrite":
      return rewrite(filter.urlRewrite!, at)
    case "CORS":
      return { kind: "cors", cors: corsOf(filter.cors!) }
    case "ExtensionRef":
      return { refused: "the mesh has no filters of its own kinds to refer to", path: at }
    case "ExternalAuth":
      return { refused: "the mesh does not ask an outside service for permission", path: at }
    default: {
      const hint = hintFrom(filter.type, "types", Object.keys(FILTER_KEYS))
      return { refused: `there is no type of filter ${quote(filter.type)}; ${hint}`, path: at }
    }
  }
}

function headerFilter(
  kind: "requestHeaders" | "responseHeaders",
  modifier: HeaderModifier,
  path: Path,
): Filter | Refused {
  const { set = [], add = [], remove = [] } = modifier
  for (const name of [...set.map((one) => one.name), ...add.map((one) => one.name), ...remove]) {
    const complaint = checkChangedHeader(name)
    if (complaint) return { refused: complaint.message, path }
  }
  const change: HeaderChange = {
    set: firstOfEach(set),
    add: firstOfEach(add),
    remove: remove.map((name) => name.toLowerCase()),
  }
  return { kind, change }
}

/** Of entries whose names are equal but for case the first one counts (Gateway API). */
function firstOfEach<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  const names = new Set<string>()
  return entries.flatMap((entry) => {
    const name = entry.name.toLowerCase()
    if (names.has(name)) return []
    names.add(name)
    return [{ ...entry, name }]
  })
}

function mirror(context: FilterContext, { backendRef, percent, fraction }: MirrorSpec, path: Path): Filter | undefined {
  const target = context.target(backendRef)
  if ("invalid" in target) {
    context.write(
      [...path, "backendRef"],
      "invalid",
      "ResolvedRefs",
      target.reason,
      `${target.message}: nothing is mirrored`,
    )
    return undefined
  }
  const share = fraction ? (fraction.numerator / (fraction.denominator ?? 100)) * 100 : (percent ?? 100)
  return { kind: "mirror", mirror: { backend: target.ref, percent: share } }
}

function redirect(
  { scheme, hostname, path: change, port, statusCode = DEFAULT_STATUS }: RedirectSpec,
  path: Path,
): Filter | Refused {
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    return { refused: `a redirect leads to "http" or "https", not to ${quote(scheme)}`, path: [...path, "scheme"] }
  }
  if (!STATUSES.includes(statusCode)) {
    return { refused: `${statusCode} is no status of a redirect`, path: [...path, "statusCode"] }
  }
  const changed = change && pathChange(change, [...path, "path"])
  if (changed && isRefused(changed)) return changed
  const translated: Redirect = {
    status: statusCode as Redirect["status"],
    ...(scheme !== undefined && { scheme }),
    ...(hostname !== undefined && { host: hostname }),
    ...(port !== undefined && { port }),
    ...(changed && { path: changed }),
  }
  return { kind: "redirect", redirect: translated }
}

function rewrite({ hostname, path: change }: NonNullable<FilterSpec["urlRewrite"]>, path: Path): Filter | Refused {
  const changed = change && pathChange(change, [...path, "path"])
  if (changed && isRefused(changed)) return changed
  return {
    kind: "rewrite",
    rewrite: { ...(hostname !== undefined && { host: hostname }), ...(changed && { path: changed }) },
  }
}

function pathChange({ type, replaceFullPath, replacePrefixMatch }: PathModifier, path: Path): PathChange | Refused {
  const known = ["ReplaceFullPath", "ReplacePrefixMatch"]
  if (!known.includes(type)) {
    return { refused: `there is no way ${quote(type)} to change a path; ${hintFrom(type, "types", known)}`, path }
  }
  const kind = type === "ReplaceFullPath" ? "full" : "prefix"
  const written = (kind === "full" ? replaceFullPath : replacePrefixMatch) ?? ""
  const value = canonicalPath(written.startsWith("/") ? written : `/${written}`)
  if (typeof value !== "string") return { refused: `${quote(written)} is no path: ${value.problem}`, path }
  return { kind, value }
}

function corsOf(spec: NonNullable<FilterSpec["cors"]>): Extract<Filter, { kind: "cors" }>["cors"] {
  return {
    origins: spec.allowOrigins ?? [],
    credentials: spec.allowCredentials ?? false,
    methods: spec.allowMethods ?? [],
    headers: spec.allowHeaders ?? [],
    exposeHeaders: spec.exposeHeaders ?? [],
    maxAgeSeconds: spec.maxAge ?? CORS_MAX_AGE_SECONDS,
  }
}
