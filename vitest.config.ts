import { defineConfig } from 'vitest/config';

/** Four levels, told apart by the file's suffix; `docs/testing.md` says what each needs. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{apps,libs,tools}/*/src/**/*.test.ts'],
          exclude: ['**/*.int.test.ts', 'tools/tidy/**', '**/node_modules/**'],
        },
      },
      { test: { name: 'tidy', include: ['tools/tidy/src/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'integration',
          include: ['{apps,libs}/*/src/**/*.int.test.ts'],
          globalSetup: ['libs/pg-embedded/src/vitest-global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['e2e/faults/**', '**/node_modules/**'],
          testTimeout: 120_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['e2e/faults/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e-kafka',
          include: ['e2e/scenarios/{relay,relay-eras,ledger,faults}.test.ts'],
          globalSetup: ['e2e/harness/kafka-global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
