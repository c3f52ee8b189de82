/** The names of the headers that the mesh reads and writes. Everything under `weft-` is reserved to it. */
export const HEADER = {
  /** On a response of the mesh's own: the refusal's name. */
  refusal: "weft-refusal",
  /** How many mesh hops the request has passed. */
  hops: "weft-hops",
  /** The caller's service id; set by the mesh from the binding's props, never taken from a request. */
  from: "weft-from",
  /** To upstreams outside the mesh, where they are to know who calls: a token that the mesh has signed. */
  identity: "weft-identity",
  /** On a response, when asked for by `weft-debug`: revision, route, backend, attempts. */
  debug: "weft-debug",
  revision: "weft-revision",
  /** The milliseconds that the caller still waits; a hop never gives itself more. */
  deadlineMs: "weft-deadline-ms",
  /** Which attempt of another hop's retries this request is: hops within it do not retry. */
  attempt: "weft-attempt",
  /** How much the request is worth when places run short: `critical`, `high`, `default`, `sheddable`. */
  priority: "weft-priority",
  /** To an authorizer that is asked about an RPC call: the method. */
  rpc: "weft-rpc",
  /** On a response that stands in for the upstream's: `stale`, an earlier answer. */
  fallback: "weft-fallback",
  /** A ticket of control's: the request is not served, but told what the proxy received of it. */
  probe: "weft-probe",
  traceparent: "traceparent",
  tracestate: "tracestate",
} as const
