/**
 * The shape of the objects, as strict as a cluster's own admission: unknown fields, missing ones and what contradicts
 * itself refuse the apply. Words of an enumeration are not judged here: one that this version does not know makes its
 * rule `UnsupportedValue`, which is for the translation to say.
 */
import * as z from "zod"
import { type Complaint, complain } from "#shared/config/complaint.ts"
import { list, named, object, optional, text, whole } from "#shared/config/schema-kit.ts"
import * as check from "./checks.ts"
import { GATEWAY_API_LIMITS as MAX } from "./limits.ts"
import { grpcRouteSpec, httpRouteSpec } from "./schema-route.ts"
import type * as T from "./types.ts"

const anything: z.ZodType<unknown> = z.unknown()
const anyName = (): Complaint | undefined => undefined
const labels = named(anyName, text(), { max: 1_000 })
const port = whole(1, 65_535)

const metadata = object<T.Metadata>("KubernetesMetadata", {
  name: text(check.checkObjectName),
  namespace: optional(text(check.checkNamespace)),
  labels: optional(labels),
  annotations: optional(labels),
  creationTimestamp: optional(
    text((value) => (Number.isNaN(Date.parse(value)) ? complain("bad-time", "This is not a time") : undefined)),
  ),
})

const selector = object<T.LabelSelector>("KubernetesSelector", {
  matchLabels: optional(labels),
  matchExpressions: optional(
    list(
      object("KubernetesSelectorTerm", {
        key: text(),
        operator: text(),
        values: optional(list(text(), { max: 1_000 })),
      }),
      { max: MAX.selectorTermsMax },
    ),
  ),
})

const allowedRoutes = object<T.AllowedRoutes>("KubernetesAllowedRoutes", {
  namespaces: optional(
    object<NonNullable<T.AllowedRoutes["namespaces"]>>("KubernetesRouteNamespaces", {
      from: optional(text()),
      selector: optional(selector),
    }),
  ),
  kinds: optional(
    list(object("KubernetesRouteKind", { group: optional(text()), kind: text() }), { max: MAX.allowedKindsMax }),
  ),
})

const listener = object<T.ListenerSpec>("KubernetesListener", {
  name: text(check.checkObjectName),
  hostname: optional(text(check.checkRouteHostname)),
  port,
  protocol: text(),
  tls: optional(anything),
  allowedRoutes: optional(allowedRoutes),
})

const gatewaySpec = object<T.GatewaySpec>(
  "KubernetesGatewaySpec",
  {
    gatewayClassName: text(),
    listeners: list(listener, { min: 1, max: MAX.listenersMax }),
    addresses: optional(anything),
    infrastructure: optional(anything),
    allowedListeners: optional(anything),
    tls: optional(anything),
    backendTLS: optional(anything),
    defaultScope: optional(anything),
  },
  ({ listeners }) => {
    const names = Array.isArray(listeners) ? listeners.map((one) => one?.name) : []
    const twice = names.find((name, index) => names.indexOf(name) < index)
    return twice === undefined ? undefined : complain("duplicate-listener", `Two listeners are called "${twice}"`)
  },
)

const referenceGrantSpec = object<T.ReferenceGrantSpec>("KubernetesReferenceGrantSpec", {
  from: list(object("KubernetesGrantFrom", { group: text(), kind: text(), namespace: text(check.checkNamespace) }), {
    min: 1,
    max: MAX.grantsMax,
  }),
  to: list(object("KubernetesGrantTo", { group: text(), kind: text(), name: optional(text()) }), {
    min: 1,
    max: MAX.grantsMax,
  }),
})

/** Most of a Service is about pods; what says nothing here is not judged. */
const serviceSpec = z.looseObject({
  ports: z
    .array(z.looseObject({ name: z.string().optional(), port: z.int(), appProtocol: z.string().optional() }))
    .max(MAX.portsMax)
    .optional(),
  type: z.string().optional(),
  externalName: z.string().optional(),
  selector: z.record(z.string(), z.string()).optional(),
}) as unknown as z.ZodType<T.ServiceSpec>

function objectOf<S>(kind: string, spec: z.ZodType<S>): z.ZodType {
  return object<{ apiVersion: string; kind: string; metadata: T.Metadata; spec: S }>(`Kubernetes${kind}`, {
    apiVersion: text(),
    kind: text(),
    metadata,
    spec,
  } as never)
}

/** One a kind that becomes a resource of the mesh. */
export const SCHEMAS: { readonly [kind: string]: z.ZodType } = {
  Gateway: objectOf("Gateway", gatewaySpec),
  HTTPRoute: objectOf("HTTPRoute", httpRouteSpec),
  GRPCRoute: objectOf("GRPCRoute", grpcRouteSpec),
  ReferenceGrant: objectOf("ReferenceGrant", referenceGrantSpec),
  Service: objectOf("Service", serviceSpec),
  Namespace: object<T.NamespaceObject>("KubernetesNamespace", {
    apiVersion: text(),
    kind: z.literal("Namespace"),
    metadata,
    spec: optional(anything),
  }),
}
