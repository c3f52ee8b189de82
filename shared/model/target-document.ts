/** How documents say which traffic a security resource covers. */

/** Without any of these: every service of the document's namespace. */
export interface TargetDocument {
  /** Requests to these services, from inside the mesh and from the public: `name` or `namespace/name`. */
  services?: string[]
  /** Public traffic that enters by these gateways: `name` or `namespace/name`; `default` is the built-in one. */
  gateways?: string[]
  /** Every service and every gateway of the mesh. In the namespace `default` only. */
  mesh?: true
}
