/**
 * What the runner needs of a form of case files. A form reads its file into tests: what to apply, by which doors
 * requests come in, which Workers answer, and what is expected. Everything else is the same for all forms.
 */

export interface Form {
  readonly name: string
  takes(file: string, content: unknown): boolean
  /** `beside` reads another file of the same folder; undefined where it is not there. */
  read(content: unknown, beside: (name: string) => Promise<unknown>): FormTest[] | Promise<FormTest[]>
}

export interface FormTest {
  readonly name: string
  /** Documents of any language that the mesh reads, applied together to an empty mesh. */
  readonly documents: readonly object[]
  readonly backends: readonly EchoBackend[]
  readonly cases: readonly FormCase[]
}

/** A binding of the proxy, behind which a Worker answers in the name of a backend. */
export interface EchoBackend {
  readonly binding: string
  readonly backend: string
  readonly namespace: string
  /** What answers there, where it is no echo, and what it is told beside the name. */
  readonly entrypoint?: "Authorizer" | "Keys" | "Caller"
  readonly props?: object
}

/** Where a request enters the mesh. */
export type Door =
  | { readonly at: "gateway"; readonly gateway: string; readonly port: number }
  | { readonly at: "service"; readonly from: string; readonly to: string }

export interface FormCase {
  readonly name: string
  /** Why the case cannot be run; printed. */
  readonly skip?: string
  readonly door: Door
  /** Resources to remove before. */
  readonly removals: readonly { readonly kind: string; readonly namespace: string; readonly name: string }[]
  readonly request: CaseRequest
  readonly expect: Expectation
  readonly distribution?: Distribution
}

export interface CaseRequest {
  readonly scheme: "http" | "https"
  readonly host: string
  /** As it goes over the wire, with its query. */
  readonly target: string
  readonly method: string
  readonly headers: readonly (readonly [string, string])[]
  readonly webSocket: boolean
  /** Goes where a redirect leads, once. */
  readonly follow?: boolean
}

export interface Expectation {
  readonly statuses: readonly number[]
  readonly backend?: string
  readonly namespace?: string
  readonly pathAtBackend?: string
  readonly methodAtBackend?: string
  readonly hostAtBackend?: string
  readonly headersAtBackend: Readonly<Record<string, string>>
  readonly absentHeadersAtBackend: readonly string[]
  /** Each header with the values of which it must have one. */
  readonly responseHeaders: Readonly<Record<string, readonly string[]>>
  readonly absentResponseHeaders: readonly string[]
  readonly ignoreWhitespace: boolean
  readonly redirect?: ExpectedRedirect
  readonly mirroredTo: readonly string[]
  readonly backendsNotReached: readonly string[]
  readonly answeredByProxy: boolean
  /** Of the trace headers that arrive, in the file's own words. */
  readonly trace?: Readonly<Record<string, unknown>>
  /** Of the file's expectations, those that nobody here knows how to judge. */
  readonly unknown: readonly string[]
}

/** What a case expects that says nothing; no status is expected either. */
export const NOTHING_EXPECTED: Expectation = {
  statuses: [],
  headersAtBackend: {},
  absentHeadersAtBackend: [],
  responseHeaders: {},
  absentResponseHeaders: [],
  ignoreWhitespace: false,
  mirroredTo: [],
  backendsNotReached: [],
  answeredByProxy: false,
  unknown: [],
}

/** Null: it does not matter; a port of null: none, or the scheme's own. */
export interface ExpectedRedirect {
  readonly scheme: string | null
  readonly host: string | null
  readonly port: string | null
  readonly path: string | null
}

export interface Distribution {
  readonly requests: number
  readonly tries: number
  /** Shares of the answers by backend, 0 to 1, and how far off each may be. */
  readonly answers?: { readonly shares: Readonly<Record<string, number>>; readonly tolerance: number }
  /** Shares of the requests that each backend gets a copy of, and how many standard deviations off each may be. */
  readonly mirrors?: { readonly shares: Readonly<Record<string, number>>; readonly deviations: number }
}

/** A placeholder for a text that no request had before. */
export const FRESH = "<fresh per request>"

/** Stands for what a request asked the backend. */
export interface Echoed {
  readonly path: string
  readonly host: string
  readonly method: string
  readonly namespace: string
  readonly backend: string
  readonly headers: Readonly<Record<string, string>>
  /** The headers of the requests that the backend made in turn, as they arrived. */
  readonly calls?: readonly Readonly<Record<string, string>>[]
}
