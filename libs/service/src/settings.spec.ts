import { describe, expect, it } from '@jest/globals';
import {
  booleanSetting,
  choiceSetting,
  coreSettings,
  defineSettings,
  describeSettings,
  hexSecretSetting,
  integerSetting,
  listSetting,
  maskPasswords,
  readSettings,
  SettingsError,
  stringSetting,
  urlSetting,
} from './settings.js';

const definition = defineSettings({
  port: integerSetting({ name: 'APP_PORT', doc: 'Port.', min: 0, max: 65535, default: 8080 }),
  debug: booleanSetting({ name: 'APP_DEBUG', doc: 'Debug.', default: false }),
  mode: choiceSetting({ name: 'APP_MODE', doc: 'Mode.', choices: ['calm', 'busy'], default: 'calm' }),
  origins: listSetting({
    name: 'APP_ORIGINS',
    doc: 'Origins.',
    item: /^https?:/,
    itemWants: 'https://host',
    default: [],
  }),
  store: urlSetting({ name: 'APP_STORE', doc: 'Store.', schemes: ['postgres:'] }),
  label: stringSetting({ name: 'APP_LABEL', doc: 'Label.', optional: true }),
  key: hexSecretSetting({ name: 'APP_KEY', doc: 'Key.', bytesMin: 4 }),
});
const least = { APP_STORE: 'postgres://me:hidden@db/x', APP_KEY: '00ff00ff' };

function faultsOf(env: Record<string, string>): SettingsError {
  try {
    readSettings(definition, env);
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('readSettings', () => {
  it('gives each setting its type, and defaults where a variable is absent or empty', () => {
    const settings = readSettings(definition, { ...least, APP_DEBUG: '', APP_ORIGINS: 'https://a, http://b ,' });

    expect(settings).toEqual({
      port: 8080,
      debug: false,
      mode: 'calm',
      origins: ['https://a', 'http://b'],
      store: 'postgres://me:hidden@db/x',
      label: undefined,
      key: Buffer.from('00ff00ff', 'hex'),
    });
  });

  it('names every fault at once, a line each, with what it got and what it wants', () => {
    const error = faultsOf({
      APP_PORT: '80a',
      APP_DEBUG: 'yes',
      APP_MODE: 'wild',
      APP_ORIGINS: 'ftp:x',
      APP_KEY: '00',
    });

    expect(error.message.split('\n')).toEqual([
      'These settings need mending:',
      '  APP_PORT: got "80a"; wants a whole number from 0 to 65535',
      '  APP_DEBUG: got "yes"; wants true or false',
      '  APP_MODE: got "wild"; wants one of calm, busy',
      '  APP_ORIGINS: got "ftp:x"; wants https://host, more with commas between',
      '  APP_STORE: is not set; wants an address beginning with postgres://',
      '  APP_KEY: got 2 characters, not shown; wants at least 8 hexadecimal digits (openssl rand -hex 4)',
    ]);
  });

  it.each(['-1', '65536', '1.5', '1e3', '0x10', ' ', '９'])(
    'refuses or ignores %j as a port, never rounds it',
    (text) => {
      if (text.trim() === '') expect(readSettings(definition, { ...least, APP_PORT: text }).port).toBe(8080);
      else expect(faultsOf({ ...least, APP_PORT: text }).faults).toHaveLength(1);
    },
  );

  it('never shows a secret or a password, neither in faults nor in the description', () => {
    const fault = faultsOf({ APP_STORE: 'mysql://me:hidden@db/x', APP_KEY: 'not-hex-hidden' });
    const shown = describeSettings(definition, readSettings(definition, least));

    expect(fault.message).not.toContain('hidden');
    expect(shown).toMatchObject({ APP_STORE: 'postgres://me:***@db/x', APP_KEY: '(set)', APP_PORT: 8080 });
  });

  it('reads the settings that all services share', () => {
    const env = { KAFKA_BROKERS: 'a:9092,b:9093', DATABASE_URL: 'postgresql://db/x' };

    expect(readSettings(coreSettings, env)).toMatchObject({
      kafkaBrokers: ['a:9092', 'b:9093'],
      databaseUrl: 'postgresql://db/x',
      topicPrefix: '',
      logLevel: 'info',
      drainMs: 10_000,
      instance: expect.stringMatching(/-\d+$/),
    });
    expect(() => readSettings(coreSettings, { ...env, KAFKA_BROKERS: 'a' })).toThrow('KAFKA_BROKERS: got "a"');
  });
});

it('refuses a definition that reads one variable twice', () => {
  const port = integerSetting({ name: 'APP_PORT', doc: 'Port.', min: 0, max: 1 });

  expect(() => defineSettings({ one: port, two: port })).toThrow('APP_PORT is defined twice');
});

it('masks passwords anywhere in a text, and leaves addresses without one alone', () => {
  expect(maskPasswords('to postgres://me:p@ss@db:5432/x failed')).toBe('to postgres://me:***@db:5432/x failed');
  expect(maskPasswords('http://127.0.0.1:8080/a@b')).toBe('http://127.0.0.1:8080/a@b');
});
