/** The control Worker, with an entrypoint through which proxies in other processes reach its objects. */
import { WorkerEntrypoint } from "cloudflare:workers"

export * from "#workers/control/index.ts"
export { default } from "#workers/control/index.ts"

type Method = (...args: unknown[]) => Promise<unknown>

export class Objects extends WorkerEntrypoint<Record<string, DurableObjectNamespace>> {
  call(namespace: string, name: string, method: string, args: unknown[]): Promise<unknown> {
    const object = this.env[namespace]!.getByName(name) as unknown as Record<string, Method>
    return object[method]!(...args)
  }
}
