import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What a folder may import of ours: apps → libs → contracts, never sideways between apps. */
const directions = {
  'libs/contracts': [],
  'libs/run-model': ['contracts'],
  'libs/kafka': ['contracts'],
  'libs/request-context': ['contracts'],
  'libs/service': ['contracts', 'request-context'],
  'libs/projections': ['contracts', 'run-model'],
  'libs/routing': ['contracts', 'service'],
  'libs/blobs': ['contracts'],
  // Published: whoever installs it has none of our other packages.
  'libs/client': [],
  'apps/cli': ['client'],
  'apps/projector': ['contracts', 'run-model', 'kafka', 'projections', 'service', 'request-context'],
  'apps/gateway': ['contracts', 'run-model', 'kafka', 'projections', 'service', 'request-context', 'routing', 'blobs'],
  'apps/nexus': ['contracts', 'kafka', 'projections', 'service', 'request-context', 'routing', 'blobs'],
  // As those write who have only what is published.
  'examples/data-pipeline': ['client'],
  'examples/agent': ['client'],
  'examples/kafka-producer': [],
};

const importRules = Object.entries(directions).map(([folder, allowed]) => ({
  files: [`${folder}/${folder.startsWith('examples/') ? '*.js' : 'src/**/*.ts'}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: allowed.length > 0 ? `^@runspine/(?!(${allowed.join('|')})(/[a-z]+)?$)` : '^@runspine/',
            message: `${folder} may import of ours: ${allowed.join(', ') || 'nothing'}.`,
          },
          { regex: '(^|/)\\.\\./\\.\\./\\.\\./', message: 'Reach another package by its name.' },
          { regex: '/(src|dist)/', message: 'Import a package by its name, not a file inside it.' },
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.runspine/**', 'coverage/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommended],
    languageOptions: {
      parserOptions: {
        project: ['./libs/*/tsconfig.json', './apps/*/tsconfig.json', './tsconfig.test.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'Read settings through @runspine/service.',
        },
      ],
    },
  },
  {
    files: [
      'libs/service/src/settings.ts',
      'libs/client/src/environment.ts',
      'apps/cli/src/environment.ts',
      '**/*.spec.ts',
      'test/**/*.ts',
      'deploy/**/*.ts',
    ],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.mjs', 'examples/**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
      },
    },
  },
  ...importRules,
);
