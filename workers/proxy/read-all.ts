/** A body as a whole, where it may not stream. */
import { type Refusal, refuse } from "#shared/model/refusal.ts"

/** The whole of a body of at most `bytesMax`. Never rejects. */
export async function readAll(reader: ReadableStreamDefaultReader, bytesMax: number): Promise<ArrayBuffer | Refusal> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      bytes += next.value.byteLength
      if (bytes > bytesMax) return refuse("body_too_large")
      chunks.push(next.value)
    }
  } catch {
    return refuse("bad_request", "the request's body ended early")
  }
  const whole = new Uint8Array(bytes)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole.buffer
}
