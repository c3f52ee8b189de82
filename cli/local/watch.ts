/** Reloads a project of a local mesh when a file that it was built from changes. */
import { type FSWatcher, statSync, watch } from "node:fs"
import { dirname, join } from "node:path"
import type { BuiltWorker } from "./build.ts"
import type { LocalMesh } from "./mesh.ts"

export interface WatchOptions {
  /** When the build began, in ms since 1970: a file saved after it may be older in the bundle than on the disk. */
  readonly sinceMs: number
  readonly onReload: (workerNames: readonly string[], tookMs: number) => void
  /** A `LocalMeshError` mostly: the old Workers run on until the next change. */
  readonly onError: (workerNames: readonly string[], error: unknown) => void
}

/** Editors write a file in several steps, and formatters write many files at once. */
const QUIET_MS = 100

/** Watches until the returned function is called. */
export function watchProjects(mesh: LocalMesh, options: WatchOptions): () => void {
  const changed = new Set<string>()
  // A project that does not build may be waiting for a file that no bundle has named yet.
  const broken = new Set<string>()
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  // Folders, not files: an editor that saves by renaming would take a watched file away.
  const follow = () => {
    const folders = new Set(mesh.workers.flatMap((worker) => worker.files.map((file) => dirname(file))))
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue
      watcher.close()
      watchers.delete(folder)
    }
    for (const folder of folders) {
      if (!watchers.has(folder))
        watchers.set(
          folder,
          watch(folder, (_, file) => file && notice(join(folder, file))),
        )
    }
  }
  const notice = (file: string) => {
    for (const name of [...usersOf(file, mesh.workers), ...broken]) changed.add(name)
    if (changed.size === 0) return
    clearTimeout(timer)
    timer = setTimeout(reload, QUIET_MS)
  }
  const reload = async () => {
    const names = [...changed]
    changed.clear()
    const startedAtMs = performance.now()
    for (const name of names) broken.delete(name)
    try {
      await mesh.reload(...names)
      if (!stopped) options.onReload(names, Math.round(performance.now() - startedAtMs))
    } catch (error) {
      for (const name of names) broken.add(name)
      if (!stopped) options.onError(names, error)
    }
    if (!stopped) follow()
  }

  follow()
  for (const file of new Set(mesh.workers.flatMap((worker) => worker.files))) {
    if ((statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > options.sinceMs) notice(file)
  }
  return () => {
    stopped = true
    clearTimeout(timer)
    for (const watcher of watchers.values()) watcher.close()
  }
}

function usersOf(file: string, workers: readonly BuiltWorker[]): string[] {
  return workers.filter((worker) => worker.files.includes(file)).map((worker) => worker.name)
}
