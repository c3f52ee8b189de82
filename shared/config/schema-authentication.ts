/** The shape of authentications in documents. */
import * as z from "zod"
import type { AuthenticationDocument } from "#shared/model/authentication-document.ts"
import { object, optional } from "./schema-kit.ts"
import { checkTarget, targetShape } from "./schema-target.ts"

export const authentication = object<AuthenticationDocument>(
  "Authentication",
  {
    ...targetShape,
    required: optional(z.boolean(), "Refuse requests of nobody in particular. Default true."),
  },
  checkTarget,
)
