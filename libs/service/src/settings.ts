import { hostname } from 'node:os';

/** What every setting has. A setting with neither `default` nor `optional` is required. */
interface SettingOptions<T> {
  /** The environment variable. */
  name: string;
  /** What it does, in a sentence; docs/operations.md shows it. */
  doc: string;
  /** Unit of a number, where its name does not say it. */
  unit?: string;
  /** Value when the variable is absent or empty; a function when it depends on the machine. */
  default?: T | (() => T);
  /** The default in words, where its value says little. */
  defaultText?: string;
  /** True: absent is `undefined`. @default false */
  optional?: boolean;
}

/** One setting: how its variable's text becomes a value. */
export interface Setting<T> {
  readonly name: string;
  readonly doc: string;
  readonly unit: string | undefined;
  readonly required: boolean;
  /** What is wanted, for faults and documents: `a whole number from 0 to 65535`. */
  readonly wants: string;
  /** The default in words; undefined when there is none. */
  readonly defaultText: string | undefined;
  /** True when its value must never be printed. */
  readonly secret: boolean;
  readonly fallback: () => T;
  /** The value, or undefined when the text is not what is wanted. */
  readonly parse: (text: string) => T | undefined;
}

/** Settings of an app by property name. */
export type SettingsDefinition = Readonly<Record<string, Setting<unknown>>>;

/** The typed values of a definition. */
export type SettingsOf<D extends SettingsDefinition> = {
  readonly [K in keyof D]: D[K] extends Setting<infer T> ? T : never;
};

/** One wrong setting. `got` is absent when the variable is missing or secret. */
export interface SettingFault {
  name: string;
  got?: string;
  wants: string;
}

/** Thrown at boot with every fault at once; the message has a line a fault. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';

  constructor(readonly faults: readonly SettingFault[]) {
    super(['These settings need mending:', ...faults.map(faultLine)].join('\n'));
  }
}

/**
 * The settings of an app, by property name.
 * @throws Error when two properties read one variable: a bug.
 */
export function defineSettings<const D extends SettingsDefinition>(definition: D): D {
  const names = Object.values(definition).map((setting) => setting.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`The setting ${twice} is defined twice.`);
  return Object.freeze({ ...definition });
}

/**
 * Reads all settings once. An empty variable counts as absent.
 * @throws SettingsError that lists every fault.
 */
export function readSettings<D extends SettingsDefinition>(
  definition: D,
  env: Readonly<Record<string, string | undefined>> = process.env,
): SettingsOf<D> {
  const faults: SettingFault[] = [];
  const values: Record<string, unknown> = {};
  for (const [property, setting] of Object.entries(definition)) {
    const text = env[setting.name]?.trim() ?? '';
    if (text === '') {
      if (setting.required) faults.push({ name: setting.name, wants: setting.wants });
      else values[property] = setting.fallback();
      continue;
    }
    const value = setting.parse(text);
    if (value === undefined) faults.push(faultOf(setting, text));
    values[property] = value;
  }
  if (faults.length > 0) throw new SettingsError(faults);
  return Object.freeze(values) as SettingsOf<D>;
}

/** The values by variable name, fit for a log: secrets as `(set)`, passwords in addresses masked. */
export function describeSettings<D extends SettingsDefinition>(
  definition: D,
  values: SettingsOf<D>,
): Record<string, unknown> {
  const shown = Object.entries(definition).map(([property, setting]) => {
    const value = values[property];
    if (setting.secret) return [setting.name, value === undefined ? '(not set)' : '(set)'];
    return [setting.name, typeof value === 'string' ? maskPasswords(value) : value];
  });
  return Object.fromEntries(shown) as Record<string, unknown>;
}

/** `postgres://me:pw@host` → `postgres://me:***@host`, anywhere in a text. */
export function maskPasswords(text: string): string {
  return text.replace(/(\w+:\/\/[^\s:/@]*):[^\s/]*@/g, '$1:***@');
}

/** Any text; `pattern` and `wants` narrow it. */
export function stringSetting(
  options: SettingOptions<string> & { optional: true; pattern?: RegExp; wants?: string },
): Setting<string | undefined>;
export function stringSetting(options: SettingOptions<string> & { pattern?: RegExp; wants?: string }): Setting<string>;
export function stringSetting(
  options: SettingOptions<string> & { pattern?: RegExp; wants?: string },
): Setting<string | undefined> {
  const parse = (text: string) => (options.pattern && !options.pattern.test(text) ? undefined : text);
  return setting(options, options.wants ?? 'a text', parse, (value) => value);
}

/** A whole number between bounds, both inclusive. */
export function integerSetting(options: SettingOptions<number> & { min: number; max: number }): Setting<number> {
  const parse = (text: string) => {
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= options.min && value <= options.max ? value : undefined;
  };
  return setting(options, `a whole number from ${options.min} to ${options.max}`, parse, String);
}

/** `true` or `false`. */
export function booleanSetting(options: SettingOptions<boolean>): Setting<boolean> {
  const parse = (text: string) => (text === 'true' ? true : text === 'false' ? false : undefined);
  return setting(options, 'true or false', parse, String);
}

/** One of some words. */
export function choiceSetting<const T extends string>(
  options: SettingOptions<NoInfer<T>> & { choices: readonly T[] },
): Setting<T> {
  const parse = (text: string) => options.choices.find((choice) => choice === text);
  return setting(options, `one of ${options.choices.join(', ')}`, parse, (value) => value);
}

/** Items between commas, spaces around them dropped; `item` and `itemWants` narrow each. */
export function listSetting(
  options: SettingOptions<readonly string[]> & { item?: RegExp; itemWants?: string },
): Setting<readonly string[]> {
  const parse = (text: string) => {
    const items = text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    return items.length > 0 && items.every((item) => options.item?.test(item) ?? true) ? items : undefined;
  };
  const wants =
    options.itemWants === undefined ? 'a list with commas' : `${options.itemWants}, more with commas between`;
  return setting(options, wants, parse, (value) => value.join(','));
}

/** A secret in hexadecimal, as bytes; never printed. */
export function hexSecretSetting(
  options: SettingOptions<Buffer> & { bytesMin: number; optional: true },
): Setting<Buffer | undefined>;
export function hexSecretSetting(options: SettingOptions<Buffer> & { bytesMin: number }): Setting<Buffer>;
export function hexSecretSetting(options: SettingOptions<Buffer> & { bytesMin: number }): Setting<Buffer | undefined> {
  const parse = (text: string) =>
    /^([0-9a-fA-F]{2})+$/.test(text) && text.length >= 2 * options.bytesMin ? Buffer.from(text, 'hex') : undefined;
  const wants = `at least ${2 * options.bytesMin} hexadecimal digits (openssl rand -hex ${options.bytesMin})`;
  return { ...setting(options, wants, parse, () => '(secret)'), secret: true };
}

/** An address of one of some schemes (`postgres:`), as text. */
export function urlSetting(options: SettingOptions<string> & { schemes: readonly string[] }): Setting<string> {
  const parse = (text: string) =>
    URL.canParse(text) && options.schemes.includes(new URL(text).protocol) ? text : undefined;
  const wants = `an address beginning with ${options.schemes.map((scheme) => `${scheme}//`).join(' or ')}`;
  return setting(options, wants, parse, (value) => value);
}

/**
 * The variables whose names begin with a prefix, for values that are named elsewhere and looked up later, such as the
 * secrets of routes. Empty ones are absent.
 */
export function variablesWith(
  prefix: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(env).flatMap(([name, value]) => (name.startsWith(prefix) && value ? [[name, value] as const] : [])),
  );
}

/** Log levels, most to least. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** What every service reads. */
export const coreSettings = {
  kafkaBrokers: listSetting({
    name: 'KAFKA_BROKERS',
    doc: 'Kafka brokers to begin with.',
    item: /^[^\s:/]+:\d{1,5}$/,
    itemWants: 'host:port',
  }),
  databaseUrl: urlSetting({
    name: 'DATABASE_URL',
    doc: 'PostgreSQL database; its login is a member of the services’ roles.',
    schemes: ['postgres:', 'postgresql:'],
  }),
  topicPrefix: stringSetting({
    name: 'RUNSPINE_TOPIC_PREFIX',
    doc: 'Goes before each topic and consumer group name, where brokers are shared.',
    default: '',
    defaultText: '(empty)',
    pattern: /^[A-Za-z0-9._-]{1,100}$/,
    wants: 'at most 100 letters, digits, dots, dashes and underscores',
  }),
  logLevel: choiceSetting({
    name: 'RUNSPINE_LOG_LEVEL',
    doc: 'Least level that is logged.',
    choices: LOG_LEVELS,
    default: 'info',
  }),
  drainMs: integerSetting({
    name: 'RUNSPINE_DRAIN_MS',
    doc: 'How long a service may take to finish its work after SIGTERM.',
    unit: 'ms',
    default: 10_000,
    min: 0,
    max: 600_000,
  }),
  instance: stringSetting({
    name: 'RUNSPINE_INSTANCE',
    doc: 'Name of this process in logs and Kafka client ids.',
    default: () => `${hostname()}-${process.pid}`,
    defaultText: 'host name and process id',
    pattern: /^[A-Za-z0-9._-]{1,100}$/,
    wants: 'at most 100 letters, digits, dots, dashes and underscores',
  }),
} as const;

/** Values of {@link coreSettings}. */
export type CoreSettings = SettingsOf<typeof coreSettings>;

function setting<T>(
  options: SettingOptions<T>,
  wants: string,
  parse: (text: string) => T | undefined,
  show: (value: T) => string,
): Setting<T> {
  const given = options.default;
  return {
    name: options.name,
    doc: options.doc,
    unit: options.unit,
    required: given === undefined && options.optional !== true,
    wants,
    defaultText: options.defaultText ?? (given === undefined || given instanceof Function ? undefined : show(given)),
    secret: /KEY|SECRET|PASSWORD|TOKEN/.test(options.name),
    fallback: () => (given instanceof Function ? given() : given) as T,
    parse,
  };
}

function faultOf(setting: Setting<unknown>, text: string): SettingFault {
  if (setting.secret) return { name: setting.name, got: `${text.length} characters, not shown`, wants: setting.wants };
  return { name: setting.name, got: JSON.stringify(maskPasswords(text).slice(0, 200)), wants: setting.wants };
}

function faultLine(fault: SettingFault): string {
  return `  ${fault.name}: ${fault.got === undefined ? 'is not set' : `got ${fault.got}`}; wants ${fault.wants}`;
}
