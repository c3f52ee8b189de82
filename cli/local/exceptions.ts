/**
 * What a Worker throws. The runtime hands an exception on to whoever called, and writes it down nowhere: behind a mesh the developer would
 * only ever see that his Worker failed, and not why. So the handlers and methods that are called from outside say what they throw, and
 * throw it on. Nothing else of a Worker is touched; the mesh's own Workers see to that themselves.
 */
const WATCH = `
const NATIVE = /\\{\\s*\\[native code\\]\\s*\\}$/
const HANDLERS = ["fetch", "scheduled", "queue", "email", "tail", "trace"]

function said(name, error) {
  console.error(name + " threw", error)
}

function seen(name, call) {
  try {
    const result = call()
    // What else can be awaited may be a call that is under way, and would be made by looking at it.
    if (result instanceof Promise) result.catch((error) => said(name, error))
    return result
  } catch (error) {
    said(name, error)
    throw error
  }
}

function watchedHandlers(own) {
  const watched = Object.assign(Object.create(Object.getPrototypeOf(own)), own)
  for (const name of HANDLERS) {
    if (typeof own[name] === "function") watched[name] = (...args) => seen(name, () => own[name](...args))
  }
  return watched
}

function watchedClass(own) {
  const watched = { [own.name]: class extends own {} }[own.name]
  for (let level = own.prototype; level && !NATIVE.test(String(level.constructor)); level = Object.getPrototypeOf(level)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (name === "constructor" || typeof value !== "function" || Object.hasOwn(watched.prototype, name)) continue
      const method = function (...args) {
        return seen(name, () => value.apply(this, args))
      }
      Object.defineProperty(watched.prototype, name, { value: method, writable: true, configurable: true })
    }
  }
  return watched
}

export function watched(own) {
  if (typeof own === "function") return /^class\\b/.test(String(own)) ? watchedClass(own) : own
  return typeof own === "object" && own !== null ? watchedHandlers(own) : own
}
`

export interface Module {
  readonly name: string
  readonly content: string
}

/** A main module before the Worker's own, `./index.js`, that exports the same, watched; and what it needs. */
export function watchedMain(exports: readonly string[]): Module[] {
  const lines = exports
    .filter((name) => /^[A-Za-z_$][\w$]*$/.test(name))
    .map((name) =>
      name === "default" ? "export default watched(own.default)" : `export const ${name} = watched(own.${name})`,
    )
  const content = [
    'import * as own from "./index.js"',
    'import { watched } from "./weft-exceptions.js"',
    'export * from "./index.js"',
    ...lines,
    "",
  ].join("\n")
  return [
    { name: "weft-watched.js", content },
    { name: "weft-exceptions.js", content: WATCH },
  ]
}
