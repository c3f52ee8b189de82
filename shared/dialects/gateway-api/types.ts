/**
 * Kubernetes objects as people write them: those of the Gateway API that mean something to a mesh, and the two of the core
 * group that they refer to. What the server of a cluster adds (status, uid, …) has been taken off.
 */

export interface Metadata {
  name: string
  namespace?: string
  labels?: { [name: string]: string }
  annotations?: { [name: string]: string }
  creationTimestamp?: string
}

interface KubernetesObject<K extends string, S> {
  apiVersion: string
  kind: K
  metadata: Metadata
  spec: S
}

export type GatewayObject = KubernetesObject<"Gateway", GatewaySpec>
export type HttpRouteObject = KubernetesObject<"HTTPRoute", HttpRouteSpec>
export type GrpcRouteObject = KubernetesObject<"GRPCRoute", GrpcRouteSpec>
export type ReferenceGrantObject = KubernetesObject<"ReferenceGrant", ReferenceGrantSpec>
export type ServiceObject = KubernetesObject<"Service", ServiceSpec>
export interface NamespaceObject {
  apiVersion: string
  kind: "Namespace"
  metadata: Metadata
  spec?: unknown
}

export interface GatewaySpec {
  gatewayClassName: string
  listeners: ListenerSpec[]
  addresses?: unknown
  infrastructure?: unknown
  allowedListeners?: unknown
  tls?: unknown
  backendTLS?: unknown
  defaultScope?: unknown
}

export interface ListenerSpec {
  name: string
  hostname?: string
  port: number
  protocol: string
  tls?: unknown
  allowedRoutes?: AllowedRoutes
}

export interface AllowedRoutes {
  namespaces?: { from?: string; selector?: LabelSelector }
  kinds?: { group?: string; kind: string }[]
}

export interface LabelSelector {
  matchLabels?: { [name: string]: string }
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

export interface ReferenceGrantSpec {
  from: { group: string; kind: string; namespace: string }[]
  to: { group: string; kind: string; name?: string }[]
}

export interface ServiceSpec {
  ports?: { name?: string; port: number; appProtocol?: string; [other: string]: unknown }[]
  type?: string
  externalName?: string
  selector?: { [label: string]: string }
  [other: string]: unknown
}

export interface ParentRef {
  group?: string
  kind?: string
  namespace?: string
  name: string
  sectionName?: string
  port?: number
}

export interface RouteSpec<R> {
  parentRefs?: ParentRef[]
  hostnames?: string[]
  rules?: R[]
  useDefaultGateways?: unknown
}
export type HttpRouteSpec = RouteSpec<HttpRule>
export type GrpcRouteSpec = RouteSpec<GrpcRule>

interface RuleSpec<M> {
  name?: string
  matches?: M[]
  filters?: FilterSpec[]
  backendRefs?: BackendRefSpec[]
  sessionPersistence?: SessionSpec
}

export interface SessionSpec {
  type?: string
  absoluteTimeout?: string
  cookie?: SessionCookie
  /** Names that earlier versions had. */
  cookieConfig?: SessionCookie
  sessionName?: string
  header?: { name?: string }
}

export interface SessionCookie {
  name?: string
  lifetimeType?: string
  path?: string
}

export interface HttpRule extends RuleSpec<HttpMatch> {
  timeouts?: { request?: string; backendRequest?: string }
  retry?: { codes?: number[]; attempts?: number; backoff?: string }
}
export type GrpcRule = RuleSpec<GrpcMatch>

export interface HttpMatch {
  path?: { type?: string; value?: string }
  headers?: NamedMatch[]
  queryParams?: NamedMatch[]
  method?: string
}

export interface GrpcMatch {
  method?: { type?: string; service?: string; method?: string }
  headers?: NamedMatch[]
}

export interface NamedMatch {
  type?: string
  name: string
  value: string
}

/** What a filter says stands under the key that its type names. */
export interface FilterSpec {
  type: string
  requestHeaderModifier?: HeaderModifier
  responseHeaderModifier?: HeaderModifier
  requestMirror?: MirrorSpec
  requestRedirect?: RedirectSpec
  urlRewrite?: { hostname?: string; path?: PathModifier }
  cors?: CorsSpec
  extensionRef?: unknown
  externalAuth?: unknown
}

export interface HeaderModifier {
  set?: { name: string; value: string }[]
  add?: { name: string; value: string }[]
  remove?: string[]
}

export interface MirrorSpec {
  backendRef: ObjectRef
  percent?: number
  fraction?: { numerator: number; denominator?: number }
}

export interface RedirectSpec {
  scheme?: string
  hostname?: string
  path?: PathModifier
  port?: number
  statusCode?: number
}

export interface PathModifier {
  type: string
  replaceFullPath?: string
  replacePrefixMatch?: string
}

export interface CorsSpec {
  allowOrigins?: string[]
  allowCredentials?: boolean
  allowMethods?: string[]
  allowHeaders?: string[]
  exposeHeaders?: string[]
  maxAge?: number
}

export interface ObjectRef {
  group?: string
  kind?: string
  name: string
  namespace?: string
  port?: number
}

export interface BackendRefSpec extends ObjectRef {
  weight?: number
  filters?: FilterSpec[]
}
