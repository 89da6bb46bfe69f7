const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^@runspine/([a-z-]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^@runspine/([a-z-]+)/([a-z-]+)$': '<rootDir>/libs/$1/src/$2.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          // Types of parameters stay out: swc writes schemas that share a type's name for them. Injection names its tokens.
          transform: { legacyDecorator: true, decoratorMetadata: false },
          target: 'es2024',
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/', '<rootDir>/.runspine/'],
};

/** Unit tests lie beside the code; test/ holds what needs the whole stack. */
export default {
  rootDir: '.',
  testTimeout: 60_000,
  // `npm test -- --coverage` holds what is published to this: the client and the command line.
  collectCoverageFrom: ['{libs/client,apps/cli}/src/**/*.ts', '!**/*.{spec,fixture}.ts'],
  coverageThreshold: {
    'libs/client/src': { statements: 90, lines: 90 },
    'apps/cli/src': { statements: 90, lines: 90 },
  },
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/{libs,apps,deploy}/**/*.spec.ts'] },
    {
      ...shared,
      displayName: 'system',
      testEnvironment: '<rootDir>/test/stack/failure-logs.mjs',
      testMatch: ['<rootDir>/test/**/*.spec.ts'],
    },
  ],
};
