/** The shape of authentications in a snapshot. */
import { LIMITS } from "./limits.ts"
import { flag, id, list, object } from "./shape.ts"
import { target } from "./target-shape.ts"

export const authentications = list(object({ id, target, required: flag }), LIMITS.authenticationsMax)
