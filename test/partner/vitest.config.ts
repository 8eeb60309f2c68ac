import { defineConfig } from 'vitest/config'

/** `npm run test:partner`: minutes of real processes, which `npm test` does not wait for. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    reporters: ['default', ['../support/reporter.ts', { judged: false }]],
    // Each file runs two servers.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
})
