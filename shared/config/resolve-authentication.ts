/** Authentications: whom they cover, and how people prove there who they are. */
import type { Authentication } from "#shared/model/authentication.ts"
import type { AuthenticationDocument } from "#shared/model/authentication-document.ts"
import type { Resource } from "#shared/model/document.ts"
import { authenticationId } from "#shared/model/names.ts"
import { resolveTarget } from "./resolve-target.ts"
import type { Scope } from "./scope.ts"

export function resolveAuthentication(resource: Resource, scope: Scope): Authentication {
  const document = resource.spec as AuthenticationDocument
  return {
    id: authenticationId(resource.namespace, resource.name),
    target: resolveTarget(scope, document),
    required: document.required ?? true,
  }
}
