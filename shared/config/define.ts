/** For `weft.config.ts`: a document that editor and compiler check while it is written. */
import type { MeshDocument } from "#shared/model/document.ts"

export function defineMesh(document: MeshDocument): MeshDocument {
  return document
}
