/** What lets the CLI find a local mesh that runs on other ports than the usual ones. */
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { CONTROL_FILE } from "#cli/connection.ts"

/** Writes control's address beside the token. The result takes it away again, for when the mesh is stopped. */
export function leaveAddress(folder: string, controlUrl: string): () => void {
  const path = join(folder, CONTROL_FILE)
  writeFileSync(path, `${controlUrl}\n`, { mode: 0o600 })
  return () => rmSync(path, { force: true })
}
