import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Environment, variable } from './environment.js';
import { usage } from './failures.js';

/** What a config file may say, and the variable that says the same. */
export const SETTINGS = {
  address: { variable: 'RUNSPINE_ADDRESS', default: 'http://127.0.0.1:8080', meaning: 'the gateway' },
  tenant: { variable: 'RUNSPINE_TENANT', default: 'default', meaning: 'whose runs' },
  env: { variable: 'RUNSPINE_ENV', default: 'default', meaning: 'the environment inside the tenant' },
  project: { variable: 'RUNSPINE_PROJECT', default: 'default', meaning: 'the project, for Nexus and what is written' },
  surface: { variable: 'RUNSPINE_SURFACE', default: 'default', meaning: 'the surface, likewise' },
  roles: {
    variable: 'RUNSPINE_ROLES',
    default: undefined,
    meaning: 'roles, separated by commas; they count in development only',
  },
  token: {
    variable: 'RUNSPINE_TOKEN',
    default: undefined,
    meaning: 'a bearer token; no option, since others see those',
  },
} as const;

export type SettingName = keyof typeof SETTINGS;

/** Whom the command speaks to, and for whom. */
export type Settings = Readonly<Record<'address' | 'tenant' | 'env' | 'project' | 'surface', string>> & {
  readonly token: string | undefined;
  readonly roles: string | undefined;
};

export interface Origin {
  readonly value: string | undefined;
  /** `--tenant`, `RUNSPINE_TENANT`, the file's path, or `default`. */
  readonly from: string;
}

/** Each setting: of an option, else of the environment, else of the config file, else its default. */
export function originsOf(options: Readonly<Record<string, unknown>>, env: Environment): Record<SettingName, Origin> {
  const path = configPath(env);
  const file = readConfig(path);
  return mapSettings((name) => {
    const option = options[name];
    if (name !== 'token' && typeof option === 'string') return { value: option, from: `--${name}` };
    const { variable: from, default: value } = SETTINGS[name];
    const given = variable(env, from);
    if (given !== undefined) return { value: given, from };
    if (file[name] !== undefined) return { value: file[name], from: path };
    return { value, from: 'default' };
  });
}

export function readSettings(options: Readonly<Record<string, unknown>>, env: Environment): Settings {
  const origins = originsOf(options, env);
  if (!URL.canParse(origins.address.value ?? '') || !/^https?:/.test(origins.address.value ?? '')) {
    throw usage(
      `${origins.address.from} gives the address ${origins.address.value}, which is no http(s) address.`,
      'Such as http://127.0.0.1:8080',
    );
  }
  return mapSettings((name) => origins[name].value) as Settings;
}

/** RUNSPINE_CONFIG, else runspine/config.json in XDG_CONFIG_HOME or ~/.config. */
export function configPath(env: Environment): string {
  const named = variable(env, 'RUNSPINE_CONFIG');
  if (named !== undefined) return named;
  const folder = variable(env, 'XDG_CONFIG_HOME') ?? join(variable(env, 'HOME') ?? homedir(), '.config');
  return join(folder, 'runspine', 'config.json');
}

/** @throws Failure for what is no object of texts, and for names that there are not. */
export function readConfig(path: string): Partial<Record<SettingName, string>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw usage(`${path} cannot be read: ${(error as Error).message}`);
  }
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw usage(`${path} is not JSON: ${(error as Error).message}`);
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw usage(`${path} is not a JSON object.`);
  for (const [name, value] of Object.entries(read)) {
    if (!(name in SETTINGS)) throw usage(`${path}: there is no setting ${name}.`, `Settings: ${settingNames()}`);
    if (typeof value !== 'string') throw usage(`${path}: ${name} is not a text.`);
  }
  return read as Partial<Record<SettingName, string>>;
}

/** Sets, or with undefined takes out, one setting of the file. Only its owner may read it: it may hold a token. */
export function writeConfig(path: string, name: string, value: string | undefined): void {
  if (!(name in SETTINGS)) throw usage(`There is no setting ${name}.`, `Settings: ${settingNames()}`);
  const { [name as SettingName]: _before, ...others } = readConfig(path);
  const config = value === undefined ? others : { ...others, [name]: value };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
}

/** Whether others on this machine may read a token that lies in the file. */
export function exposesToken(path: string): boolean {
  try {
    return readConfig(path).token !== undefined && (statSync(path).mode & 0o077) !== 0;
  } catch {
    return false;
  }
}

function settingNames(): string {
  return Object.keys(SETTINGS).join(', ');
}

function mapSettings<T>(of: (name: SettingName) => T): Record<SettingName, T> {
  return Object.fromEntries((Object.keys(SETTINGS) as SettingName[]).map((name) => [name, of(name)])) as Record<
    SettingName,
    T
  >;
}
