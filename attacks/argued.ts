/**
 * Cases that cannot end as their file wants, each with why. Decision record 0024 argues them at length; what of them can be
 * checked is checked all the same, and a fault found there is a failure.
 */
export const ARGUMENTS = {
  "wildcard-labels": {
    status: 200,
    why: "`*.suffix` takes one or more labels here, as in the Gateway API; a host of one label more is named by a route of its own",
  },
  "internal-redirects": {
    status: 302,
    why: "the mesh follows no redirects, so that there is no loop to break: the caller gets the upstream's redirect",
  },
  "no-oauth": {
    status: 401,
    why: "control is no authorization server: it has tokens that are made through its API, no authorization codes and no redirects",
  },
  "no-target": {
    status: 400,
    why: "the target holds characters that HTTP does not allow in one: the runtime refuses it before control sees it",
  },
  "no-sessions": {
    status: 401,
    why: "control keeps no sessions and sets no cookies, so that there is none to clear: each request brings its token",
  },
  "refused-setup": {
    status: 422,
    why: "control refuses what the setup describes, so that no mesh is like that",
  },
  "no-error-pages": {
    status: 503,
    why: "the mesh asks nobody for the pages of errors: the upstream's answer, or the mesh's own refusal, goes to the client",
  },
  "no-such-method": {
    status: 501,
    why: "the method is none that the runtime knows, and it refuses the request before the mesh sees it",
  },
  "no-connect": {
    status: 500,
    why: "the runtime answers CONNECT by itself, and the request never comes to the mesh",
  },
  "framed-anew": {
    status: 200,
    why: "the runtime goes by transfer-encoding alone (RFC 9112, 6.3) and takes a bare LF for an end of line; what goes on is framed anew",
  },
  "no-transforms": {
    status: 200,
    why: "the mesh neither unpacks nor reads bodies: what is packed passes as it is, and a body limit counts the bytes that come",
  },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly why: string }>>

export type ArgumentName = keyof typeof ARGUMENTS
