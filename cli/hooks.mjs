/**
 * Two gaps of Node's loader, closed: it refuses to strip types below `node_modules`, where an installed weft lives; and a
 * `weft.config.ts` imports `weft/config` also where weft is run by npx and not installed.
 */
import { readFileSync } from "node:fs"
import { registerHooks, stripTypeScriptTypes } from "node:module"
import { fileURLToPath } from "node:url"

const root = new URL("../", import.meta.url).href

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "weft/config") return { url: new URL("shared/config/define.ts", root).href, shortCircuit: true }
    return next(specifier, context)
  },
  load(url, context, next) {
    const ours = url.startsWith(root) && url.endsWith(".ts") && url.includes("/node_modules/")
    if (!ours) return next(url, context)
    const source = stripTypeScriptTypes(readFileSync(fileURLToPath(url), "utf8"))
    return { format: "module", source, shortCircuit: true }
  },
})
