/** Takes down what became of objects and their parts. */
import type { Note, Resource } from "#shared/model/document.ts"
import { formatPath, type Step } from "#shared/std/steps.ts"

export type Path = readonly Step[]

/** Notes about one object. */
export type Write = (path: Path, outcome: Note["outcome"], condition: string, reason: string, message: string) => void

export class Notes {
  // A route that is attached to gateways and to services is looked at once for each of the two.
  readonly #notes = new Map<string, Note>()

  about({ kind, namespace, name }: Pick<Resource, "kind" | "namespace" | "name">): Write {
    return (path, outcome, condition, reason, message) => {
      const note = { kind, namespace, name, path: formatPath(path), outcome, condition, reason, message }
      this.#notes.set(JSON.stringify(note), note)
    }
  }

  get all(): Note[] {
    return [...this.#notes.values()]
  }
}
