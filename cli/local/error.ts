/** What keeps a local mesh from starting. In a file of its own: who reports it need not load the bundler first. */
import type { Problem } from "#shared/model/problem.ts"

/** Why a mesh could not start or reload: everything that was found wrong. */
export class LocalMeshError extends Error {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ path, message, hint }) => `${path}: ${message}${hint ? `\n  ${hint}` : ""}`).join("\n"))
    this.name = "LocalMeshError"
    this.problems = problems
  }
}
