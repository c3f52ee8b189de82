/** The seed of all laws that name none of their own. `WEFT_SEED=7 npx vitest run --project core` tries them on other examples. */
import * as fc from "fast-check"

fc.configureGlobal({ seed: Number(process.env.WEFT_SEED ?? 20_261_126) })
