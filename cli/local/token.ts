/** The admin token of a local mesh: random, made once for each state folder, readable by its owner only. */
import { randomBytes } from "node:crypto"
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"

/** The token in `folder`; the CLI looks for it there. */
export async function localToken(folder: string): Promise<string> {
  const file = join(folder, "token")
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const fresh = `weft_${randomBytes(24).toString("base64url")}`
  try {
    // Of two starts at once one writes, the other reads what it wrote.
    await writeFile(file, `${fresh}\n`, { mode: 0o600, flag: "wx" })
    return fresh
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
  }
  await chmod(file, 0o600)
  const kept = (await readFile(file, "utf8")).trim()
  if (kept !== "") return kept
  await writeFile(file, `${fresh}\n`, { mode: 0o600 })
  return fresh
}
