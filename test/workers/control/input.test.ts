import { reset } from "cloudflare:test"
import { z } from "@hono/zod-openapi"
import { beforeAll, describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { RevisionList } from "#shared/protocol/control-api.ts"
import { cleanMessage, readBody } from "#workers/control/input.ts"
import { call, documents, get, ORIGIN, problemOf, ROOT_TOKEN } from "./support.ts"

beforeAll(reset)

const VALID = JSON.stringify(documents({ services: { orders: {} } }))

describe("content types", () => {
  it.each([
    ["application/json", 200],
    ["Application/JSON; charset=UTF-8", 200],
    ['application/json;charset="utf-8"', 200],
    ["application/json; charset=utf-16", 415],
    ["text/plain", 415],
    ["text/plain; application/json", 415],
    ["application/x-www-form-urlencoded", 415],
    ["multipart/form-data; boundary=x", 415],
    ["application/problem+json", 415],
    ["application/jsonx", 415],
    ["", 415],
  ])("%j answers %s", async (type, status) => {
    const response = await call("POST", "/v1/plan", { body: VALID, headers: { "content-type": type } })
    expect(response.status).toBe(status)
    if (status === 415) await problemOf(response)
  })

  it("packed bodies are refused", async () => {
    const response = await call("POST", "/v1/plan", { body: VALID, headers: { "content-encoding": "gzip" } })
    expect(response.status).toBe(415)
  })

  it("a body is needed", async () => {
    expect((await call("POST", "/v1/plan")).status).toBe(415)
    const empty = await call("POST", "/v1/plan", { headers: { "content-type": "application/json" } })
    expect(empty.status).toBe(400)
  })
})

describe("the size of a body", () => {
  const padded = (bytes: number, body: string) => body + " ".repeat(bytes - body.length)

  it.each([
    ["/v1/plan", LIMITS.documentBytesMax, VALID, 200],
    ["/v1/plan", LIMITS.documentBytesMax + 1, VALID, 413],
    ["/v1/apply", LIMITS.documentBytesMax + 1, VALID, 413],
    ["/v1/rollback", LIMITS.controlBodyBytesMax, '{"to":99}', 404],
    ["/v1/rollback", LIMITS.controlBodyBytesMax + 1, '{"to":99}', 413],
    ["/v1/tokens", LIMITS.controlBodyBytesMax + 1, '{"name":"x","role":"viewer"}', 413],
  ])("%s takes %s bytes: %s%.0s answers %s", async (path, bytes, body, status) => {
    const response = await call("POST", path, { body: padded(bytes, body) })
    expect(response.status).toBe(status)
    if (status === 413) await problemOf(response)
  })

  it("is counted when it is not announced", async () => {
    const { exports } = await import("cloudflare:workers")
    const chunk = new Uint8Array(64 * 1024).fill(0x20)
    let sent = 0
    const stream = new ReadableStream({
      pull(controller) {
        sent++
        controller.enqueue(chunk)
      },
    })
    const response = await (exports as unknown as { default: Fetcher }).default.fetch(`${ORIGIN}/v1/plan`, {
      method: "POST",
      headers: { authorization: `Bearer ${ROOT_TOKEN}`, "content-type": "application/json" },
      body: stream,
    })
    expect(response.status).toBe(413)
    expect(sent).toBeLessThan(100)
  })
})

describe("a body that does not come", () => {
  const body = { schema: z.unknown(), bytesMax: 1_000, example: {} }
  const sent = (stream: ReadableStream) =>
    new Request(ORIGIN, { method: "POST", headers: { "content-type": "application/json" }, body: stream })

  it("is waited for for a while only", async () => {
    let cancelled = false
    const stream = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"a":')),
      cancel: () => {
        cancelled = true
      },
    })
    const response = await readBody(sent(stream), body, 20)
    expect(response instanceof Response && response.status).toBe(408)
    await problemOf(response as Response)
    expect(cancelled).toBe(true)
  })

  it("or breaks off is no body", async () => {
    const stream = new ReadableStream({ pull: (controller) => controller.error(new Error("connection lost")) })
    const response = await readBody(sent(stream), body, 1_000)
    expect(response instanceof Response && response.status).toBe(400)
  })
})

describe("malformed bodies", () => {
  it.each([
    ["not JSON", "services: {}"],
    ["JSON cut off", VALID.slice(0, -1)],
    ["something behind it", `${VALID}x`],
    ["a byte order mark", `\ufeff${VALID}`],
    ["a list", "[]"],
    ["null", "null"],
    ["a number", "7"],
    ["no documents", "{}"],
    ["an empty list of documents", '{"documents":[]}'],
    ["a document without source", '{"documents":[{"content":{}}]}'],
    ["an unknown key", '{"documents":[{"source":"a","content":{}}],"dryRun":true}'],
    ["a flag as text", '{"documents":[{"source":"a","content":{}}],"prune":"true"}'],
    ["a source that is too long", JSON.stringify({ documents: [{ source: "s".repeat(2_000), content: {} }] })],
  ])("%s", async (_, body) => {
    const response = await call("POST", "/v1/apply", { body })
    expect(response.status).toBe(400)
    const { problems } = await problemOf(response)
    expect(problems?.[0]?.message).toBeTruthy()
    expect((await get<RevisionList>("/v1/revisions")).revisions).toEqual([])
  })

  it.each([
    ["a key twice", '{"documents":[],"documents":[]}', "duplicate-key"],
    [
      "a key twice inside a document",
      '{"documents":[{"source":"a","content":{"services":{"x":{},"x":{}}}}]}',
      "duplicate-key",
    ],
    ["__proto__", '{"documents":[{"source":"a","content":{"__proto__":{}}}]}', "forbidden-key"],
    ["deep nesting", `{"documents":[{"source":"a","content":${"[".repeat(5_000)}${"]".repeat(5_000)}}]}`, "too-deep"],
    ["a number beyond all numbers", '{"documents":[{"source":"a","content":{"weight":1e309}}]}', "number-range"],
  ])("that are JSON and yet refused: %s", async (_, body, rule) => {
    const response = await call("POST", "/v1/apply", { body })
    expect(response.status).toBe(422)
    expect((await problemOf(response)).problems).toMatchObject([{ rule, message: expect.any(String) }])
    expect((await get<RevisionList>("/v1/revisions")).revisions).toEqual([])
  })

  it("that are not UTF-8", async () => {
    const { exports } = await import("cloudflare:workers")
    const response = await (exports as unknown as { default: Fetcher }).default.fetch(`${ORIGIN}/v1/plan`, {
      method: "POST",
      headers: { authorization: `Bearer ${ROOT_TOKEN}`, "content-type": "application/json" },
      // An overlong slash where the name of the source would be: lenient decoding would take it for two odd letters.
      body: Uint8Array.from(VALID.replace("mesh.yaml", "\xc0\xaf"), (letter) => letter.charCodeAt(0)),
    })
    expect(response.status).toBe(400)
    expect((await problemOf(response)).detail).toContain("UTF-8")
  })

  it("say where they are wrong", async () => {
    const response = await call("POST", "/v1/apply", { body: '{\n  "documents": [,]\n}' })
    expect((await problemOf(response)).problems?.[0]?.source).toEqual({ file: "request body", line: 2, column: 17 })
  })
})

describe("a message", () => {
  it.each([
    [undefined, ""],
    ["plain", "plain"],
    ["  two\n\nlines\t", "two lines"],
    ["red\u001b[31m", "red [31m"],
    ["right\u202eto left\u2066", "rightto left"],
    ["line\u2028separator", "line separator"],
    ["zero\u200bwidth", "zerowidth"],
    ["half \ud83e", "half"],
    ["long", "long"],
    ["\u{1f9f6}\u{1f9f6}", "\u{1f9f6}\u{1f9f6}"],
  ])("%j becomes %j", (message, expected) => {
    expect(cleanMessage(message, 10)).toBe(expected.slice(0, 10))
  })

  it("is never cut in the middle of a character's pair into something malformed", () => {
    expect(cleanMessage("abc\u{1f9f6}", 4).isWellFormed()).toBe(true)
  })
})
