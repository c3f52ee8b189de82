/** What can be wrong with a set of Workers that shall run together. Pure: all problems at once, each with what to do. */
import type { Problem } from "#shared/model/problem.ts"
import type { WorkerSettings } from "./build.ts"

/** What is asked of a Worker; `BuiltWorker` is one. */
export interface Candidate {
  readonly name: string
  readonly configPath: string
  readonly exports: readonly string[]
  readonly options: Pick<WorkerSettings, "serviceBindings" | "durableObjects">
}

export function checkWorkers(workers: readonly Candidate[]): Problem[] {
  // Of two with one name the first counts, so that the second does not bring problems of others with it.
  const byName = new Map([...workers].reverse().map((worker) => [worker.name, worker]))
  return [
    ...duplicates(workers),
    ...workers.flatMap((worker) => [...services(worker, byName), ...objects(worker, byName)]),
  ]
}

function duplicates(workers: readonly Candidate[]): Problem[] {
  return workers.flatMap((worker, index) => {
    const first = workers.findIndex((other) => other.name === worker.name)
    if (first === index) return []
    const other = workers[first]!.configPath
    if (other === worker.configPath) {
      return [
        {
          path: other,
          rule: "project-repeated",
          message: `"${worker.name}" is listed twice`,
          hint: "list each project once",
        },
      ]
    }
    const message = `two projects are named "${worker.name}": this one and ${other}`
    return [
      {
        path: worker.configPath,
        rule: "name-taken",
        message,
        hint: "rename one: a binding must find exactly one Worker",
      },
    ]
  })
}

function services(worker: Candidate, byName: ReadonlyMap<string, Candidate>): Problem[] {
  return Object.entries(worker.options.serviceBindings ?? {}).flatMap(([binding, designator]) => {
    // Wrangler may also put in functions and services of the runtime's own, which are no Workers.
    const { name, entrypoint, props }: Designator = typeof designator === "object" ? designator! : { name: designator }
    if (typeof name !== "string") return []
    const path = `${worker.configPath}: services.${binding}`
    const target = byName.get(name)
    if (!target) return [absent(path, name, byName)]
    if (entrypoint === "Prober" && target.exports.includes("Sidecar") && !worker.exports.includes("HealthObject")) {
      return [notControl(path, name)]
    }
    if (entrypoint !== undefined) return notExported(path, target, entrypoint, "entrypoint")
    return isSidecarProps(props) && target.exports.includes("Sidecar") ? [doorMissing(path, name)] : []
  })
}

function objects(worker: Candidate, byName: ReadonlyMap<string, Candidate>): Problem[] {
  return Object.entries(worker.options.durableObjects ?? {}).flatMap(([binding, designator]) => {
    const { className, scriptName } =
      typeof designator === "string" ? { className: designator } : (designator as ObjectDesignator)
    const path = `${worker.configPath}: durable_objects.${binding}`
    const target = byName.get(scriptName ?? worker.name)
    return target ? notExported(path, target, className, "class") : [absent(path, scriptName!, byName)]
  })
}

interface Designator {
  readonly name?: unknown
  readonly entrypoint?: string
  readonly props?: unknown
}

function isSidecarProps(props: unknown): boolean {
  return typeof props === "object" && props !== null && ("from" in props || "to" in props)
}

/** Such a binding would lead to the public gateway, and from there, through a route for all hosts, round and round. */
function doorMissing(path: string, name: string): Problem {
  const message = `its props name services of the mesh, but it leads to the public entrance of "${name}"`
  return { path, rule: "entrypoint-missing", message, hint: 'add "entrypoint": "Sidecar"' }
}

function notControl(path: string, name: string): Problem {
  const message = `it leads to the entrypoint "Prober" of "${name}", by which only control makes health checks`
  return { path, rule: "not-control", message, hint: 'services call one another by "entrypoint": "Sidecar"' }
}

interface ObjectDesignator {
  readonly className: string
  readonly scriptName?: string
}

function absent(path: string, name: string, byName: ReadonlyMap<string, Candidate>): Problem {
  const message = `it binds the Worker "${name}", which is not among those started`
  return {
    path,
    rule: "worker-missing",
    message,
    hint: `add its project, or bind one of: ${[...byName.keys()].sort().join(", ")}`,
  }
}

function notExported(path: string, target: Candidate, name: string, what: string): Problem[] {
  // Of a Worker in the service-worker format nothing is known.
  if (target.exports.length === 0 || target.exports.includes(name)) return []
  const message = `"${target.name}" exports no ${what} "${name}"`
  return [
    {
      path,
      rule: "export-missing",
      message,
      hint: `its main module exports: ${[...target.exports].sort().join(", ")}`,
    },
  ]
}
