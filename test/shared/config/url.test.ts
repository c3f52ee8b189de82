import { describe, expect, it } from "vitest"
import { canonicalUrl, checkUrl } from "#shared/config/url.ts"

describe("URLs to send to", () => {
  it.each([
    ["https://api.example.com", "https://api.example.com"],
    ["https://api.example.com/", "https://api.example.com"],
    ["https://API.example.com:8443/base/", "https://api.example.com:8443/base"],
    ["https://cdn.example.com/npm/@scope", "https://cdn.example.com/npm/@scope"],
    ["https://1.1.1.1", "https://1.1.1.1"],
    ["https://[2606:4700::1111]/", "https://[2606:4700::1111]"],
    ["http://localhost:9000", "http://localhost:9000"],
    ["http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"],
    ["https://localhost", "https://localhost"],
  ])("takes %s as %s", (text, canonical) => {
    expect(checkUrl(text)).toBeUndefined()
    expect(canonicalUrl(text)).toBe(canonical)
  })

  it.each([
    // Every spelling of what is not the public internet.
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::169.254.169.254]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[::1]/",
    "https://[::]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://0/",
    "https://127.1/",
    "https://2130706433/",
    "https://10.0.0.1/",
    "https://100.100.100.200/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://168.63.129.16/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://metadata.google.internal/",
    "https://METADATA.google.internal./",
    "https://metadata/",
    "https://printer.local/",
    "https://x.localhost/",
    "https://127.0.0.1.localhost/",
    "https://①②⑦.0.0.2/",
  ])("refuses %s as private", (text) => {
    expect(checkUrl(text)?.rule).toBe("private-address")
  })

  it.each([
    ["http://api.example.com", "bad-url-scheme"],
    ["http://169.254.169.254/", "bad-url-scheme"],
    ["http://127.1/", "bad-url-scheme"],
    ["http://2130706433/", "bad-url-scheme"],
    ["http://localhost@evil.test/", "url-credentials"],
    ["http://localhost.evil.test/", "bad-url-scheme"],
    ["ftp://api.example.com", "bad-url-scheme"],
    ["javascript:alert(1)", "bad-url-scheme"],
    ["https://user:secret@api.example.com", "url-credentials"],
    ["https://@api.example.com", "url-credentials"],
    ["http://u@localhost", "url-credentials"],
    ["https:user:hunter2@api.example.com", "url-credentials"],
    ["https://user:hunter2@ api.example.com", "url-credentials"],
    ["https:api.example.com", "bad-url"],
    ["https:///api.example.com", "bad-url"],
    ["https://api.example.com\\@evil.test", "bad-url"],
    ["https://api.exa\tmple.com", "bad-url"],
    ["", "bad-url"],
    ["https://api.example.com?x=1", "bad-url"],
    ["https://api.example.com/#", "bad-url"],
    ["https://api.example.com/?", "bad-url"],
    ["https://api.example.com/a/../b", "path-not-canonical"],
    ["https://api.example.com/a%2Fb", "bad-path"],
    ["api.example.com", "bad-url"],
    ["https://", "bad-url"],
    ["https://a b/", "bad-url"],
  ])("refuses %s: %s", (text, rule) => {
    expect(checkUrl(text)?.rule).toBe(rule)
  })

  it("never repeats a password", () => {
    expect(JSON.stringify(checkUrl("https://user:hunter2@api.example.com"))).not.toContain("hunter2")
    expect(JSON.stringify(checkUrl("http://user:hunter2@api.example.com"))).not.toContain("hunter2")
  })
})
