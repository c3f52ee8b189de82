/** A certificate that nobody vouches for, made on the spot: a key in the repository would be taken for a leaked one. */
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto"

/** DER by hand: tag, length, content. */
function der(tag: number, ...parts: (Buffer | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)))
  const length = content.length
  const head =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), content])
}

const SEQUENCE = 0x30
const ECDSA_SHA256 = der(SEQUENCE, der(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]))

export function selfSigned(name: string): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "der" },
  })
  const commonName = der(SEQUENCE, der(0x06, [0x55, 0x04, 0x03]), der(0x0c, Buffer.from(name)))
  const subject = der(SEQUENCE, der(0x31, commonName))
  const time = (year: number) => der(0x17, Buffer.from(`${year % 100}0101000000Z`))
  const names = der(SEQUENCE, der(0x82, Buffer.from(name)))
  const extension = der(SEQUENCE, der(0x06, [0x55, 0x1d, 0x11]), der(0x04, names))
  const certificate = der(
    SEQUENCE,
    der(0xa0, der(0x02, [2])),
    der(0x02, [1]),
    ECDSA_SHA256,
    subject,
    der(SEQUENCE, time(2020), time(2049)),
    subject,
    publicKey,
    der(0xa3, der(SEQUENCE, extension)),
  )
  const signature = sign("sha256", certificate, createPrivateKey(privateKey))
  const whole = der(SEQUENCE, certificate, ECDSA_SHA256, der(0x03, [0], signature))
  const lines = whole.toString("base64").match(/.{1,64}/g)!
  return { key: privateKey, cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n` }
}
