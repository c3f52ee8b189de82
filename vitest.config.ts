import { readFileSync } from "node:fs"
import { cloudflareTest } from "@cloudflare/vitest-plugin"
import { defineConfig } from "vitest/config"

/**
 * Three kinds of tests: `core` runs pure code in Node; `runtime` runs inside workerd (storage, alarms, eviction);
 * `mesh` starts several real Workers and talks to them from outside.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "core",
          // Pure code keeps nothing between files that could reach another.
          isolate: false,
          include: [
            "test/shared/**/*.test.ts",
            "test/cli/**/*.test.ts",
            "test/docs/**/*.test.ts",
            "test/simulator/**/*.test.ts",
            "test/scripts/**/*.test.ts",
            "test/tidy.test.ts",
          ],
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./workers/control/wrangler.toml" },
            miniflare: {
              bindings: {
                WEFT_ADMIN_TOKEN: "test-root-token-of-the-suite",
                WEFT_ISSUER: "https://control.example/",
                WEFT_TRUST_DOMAIN: "suite.example",
              },
              // The proxy is not here: what stands for its prober answers as a test has told it.
              // And what stands for all servers outside keeps what it is sent.
              workers: [
                { name: "weft", modules: true, script: readFileSync("test/support/prober.js", "utf8") },
                { name: "receiver", modules: true, script: readFileSync("test/support/receiver.js", "utf8") },
              ],
              outboundService: "receiver",
            },
          }),
        ],
        test: { name: "runtime", include: ["test/durable-objects/**/*.test.ts", "test/workers/control/**/*.test.ts"] },
      },
      {
        test: {
          name: "mesh",
          include: [
            "test/end-to-end/**/*.test.ts",
            "test/workers/proxy/**/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/attacks/**/*.test.ts",
          ],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
