/**
 * Workers in the place of pods. A Service of Kubernetes stands for the pods whose labels its selector takes; here, for the echo
 * Workers that stand for those pods. Pods are not in the case files, but every one of them is the whole of what some
 * Service selects: the narrowest selectors name the workloads.
 */

import { derivedBinding } from "#shared/config/resolve-service.ts"
import type { EchoBackend } from "./form.ts"

export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec?: {
    readonly selector?: Labels
    readonly rules?: readonly RouteRule[]
    readonly listeners?: readonly { readonly name: string; readonly port: number; readonly protocol: string }[]
  }
}

interface RouteRule {
  readonly matches?: readonly { readonly path?: { readonly value?: string } }[]
  readonly backendRefs?: readonly { readonly name: string }[]
}

type Labels = Readonly<Record<string, string>>

export interface Pods {
  readonly backends: readonly EchoBackend[]
  /** Native declarations of the Services that stand for other workloads than the one of their own name. */
  readonly documents: readonly object[]
  /** Paths of rules that lead to Services without a selector. */
  readonly unbacked: readonly string[]
}

export function podsOf(objects: readonly KubernetesObject[]): Pods {
  const services = objects.filter(({ apiVersion, kind }) => apiVersion === "v1" && kind === "Service")
  const backends = new Map<string, EchoBackend>()
  const documents: object[] = []
  for (const service of services) {
    const { name, namespace = "default" } = service.metadata
    const workloads = workloadsOf(service, services)
    for (const workload of workloads) {
      const binding = derivedBinding(namespace, workload)
      backends.set(binding, { binding, backend: workload, namespace })
    }
    if (workloads.length === 0 || (workloads.length === 1 && workloads[0] === name)) continue
    const endpoints = workloads.map((workload) => ({ binding: derivedBinding(namespace, workload) }))
    documents.push({ namespace, services: { [name]: { endpoints } } })
  }
  return { backends: [...backends.values()], documents, unbacked: unbackedPaths(objects, services) }
}

function workloadsOf(service: KubernetesObject, services: readonly KubernetesObject[]): string[] {
  const selector = selectorOf(service)
  if (!selector) return []
  const near = services.filter(({ metadata }) => metadata.namespace === service.metadata.namespace)
  const selectors = near.map(selectorOf).filter((one) => one !== undefined)
  const narrowest = selectors.filter((one) => !selectors.some((other) => isWithin(other, one) && !isWithin(one, other)))
  return [...new Set(narrowest.filter((one) => isWithin(one, selector)).map(workloadName))]
}

function selectorOf({ spec }: KubernetesObject): Labels | undefined {
  const selector = spec?.selector
  return selector && Object.keys(selector).length > 0 ? selector : undefined
}

/** Whether all pods that `narrow` takes are taken by `wide` too. */
function isWithin(narrow: Labels, wide: Labels): boolean {
  return Object.entries(wide).every(([label, value]) => narrow[label] === value)
}

/** `{ app: echo, version: v1 }` is what a workload `echo-v1` has. */
function workloadName(labels: Labels): string {
  const { app, version } = labels
  return app === undefined ? Object.values(labels).join("-") : version === undefined ? app : `${app}-${version}`
}

function unbackedPaths(objects: readonly KubernetesObject[], services: readonly KubernetesObject[]): string[] {
  const without = new Set(services.filter((one) => !selectorOf(one)).map(({ metadata }) => metadata.name))
  const rules = objects.flatMap(({ spec }) => spec?.rules ?? [])
  return rules
    .filter(({ backendRefs = [] }) => backendRefs.some(({ name }) => without.has(name)))
    .flatMap(({ matches = [] }) => matches.flatMap(({ path }) => path?.value ?? []))
}
