/** Writes the JSON Schema of documents to `schema/weft.schema.json`, for editors: `node scripts/schema.ts`. */
import { writeFile } from "node:fs/promises"
import { jsonSchema } from "#shared/config/schema.ts"

const file = new URL("../schema/weft.schema.json", import.meta.url)
await writeFile(file, `${JSON.stringify(jsonSchema(), null, 2)}\n`)
