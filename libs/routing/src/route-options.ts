import type { Fault } from '@runspine/contracts';
import { ServiceError } from '@runspine/contracts';
import type { StoreScheme } from './route-uri.js';

/** What names of variables that hold secrets begin with. No other variable can be referred to. */
export const SECRET_PREFIX = 'RUNSPINE_SECRET_';

/** Secrets by the names of their variables. */
export type Secrets = ReadonlyMap<string, string>;

type OptionKind = 'text' | 'flag' | 'endpoint' | 'secret';

/** The options that a route may have, by the names of LanceDB's storage options: it takes them as they are. */
const OPTIONS: Record<StoreScheme, Readonly<Record<string, OptionKind>>> = {
  file: {},
  s3: {
    region: 'text',
    endpoint: 'endpoint',
    allow_http: 'flag',
    virtual_hosted_style_request: 'flag',
    access_key_id: 'secret',
    secret_access_key: 'secret',
    session_token: 'secret',
  },
  gs: { endpoint: 'endpoint', service_account_key: 'secret' },
  az: {
    account_name: 'text',
    endpoint: 'endpoint',
    allow_http: 'flag',
    account_key: 'secret',
    sas_token: 'secret',
  },
};

const REFERENCE = new RegExp(`^env:(${SECRET_PREFIX}[A-Za-z0-9_-]{1,200})$`);
const WANTS: Record<OptionKind, { pattern: RegExp; message: string }> = {
  text: { pattern: /^[A-Za-z0-9_-]{1,128}$/, message: 'must be letters, digits, "_" and "-"' },
  flag: { pattern: /^(true|false)$/, message: 'must be "true" or "false"' },
  endpoint: {
    pattern: /^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(\/[A-Za-z0-9_-]+)*$/,
    message: 'must be http(s)://host, :port and a path if any, nothing else',
  },
  secret: {
    pattern: REFERENCE,
    message: `must refer to a secret: env:${SECRET_PREFIX}…; the secret itself belongs into that variable of the services`,
  },
};

export type RouteOptions = Readonly<Record<string, string>>;

/** What is wrong with a route's options. Values are never repeated: one of them may be a secret. */
export function optionFaults(scheme: StoreScheme, options: RouteOptions): Fault[] {
  const known = OPTIONS[scheme];
  const faults = Object.entries(options).flatMap(([name, value]) => {
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    const path = `/options/${name}`;
    if (kind === undefined) {
      return [{ path, message: `is no option of ${scheme}://; there are ${Object.keys(known).join(', ') || 'none'}` }];
    }
    return WANTS[kind].pattern.test(value) ? [] : [{ path, message: WANTS[kind].message }];
  });
  if (options.endpoint?.startsWith('http://') && 'allow_http' in known && options.allow_http !== 'true') {
    faults.push({ path: '/options/allow_http', message: 'must be "true" where the endpoint is http://' });
  }
  if ('access_key_id' in options !== 'secret_access_key' in options) {
    faults.push({ path: '/options', message: 'must have access_key_id and secret_access_key, or neither' });
  }
  if ('session_token' in options && !('secret_access_key' in options)) {
    faults.push({ path: '/options', message: 'must have access_key_id and secret_access_key beside session_token' });
  }
  if (scheme === 'az') faults.push(...azureFaults(options));
  return faults;
}

/** Azure's addresses name no account, and there is none to be guessed. */
function azureFaults(options: RouteOptions): Fault[] {
  const fault = (message: string) => [{ path: '/options', message }];
  if (!('account_name' in options)) return fault('must have account_name');
  if ('account_key' in options === 'sas_token' in options) return fault('must have account_key or sas_token');
  return [];
}

/** Whether the options name credentials, so that the services' own are not used. */
export function bringsCredentials(options: RouteOptions): boolean {
  return ['secret_access_key', 'service_account_key', 'account_key', 'sas_token'].some((name) => name in options);
}

/** Names of the variables that options refer to. */
export function secretNames(options: RouteOptions): string[] {
  return Object.values(options).flatMap((value) => REFERENCE.exec(value)?.[1] ?? []);
}

/**
 * Options with secrets in the place of their references.
 * @throws ServiceError `nexus_route.secret_missing`
 */
export function resolveSecrets(options: RouteOptions, secrets: Secrets): RouteOptions {
  const missing = secretNames(options).filter((name) => !secrets.has(name));
  if (missing.length > 0) throw new ServiceError('nexus_route.secret_missing', undefined, { names: missing });
  return Object.fromEntries(
    Object.entries(options).map(([option, value]) => {
      const name = REFERENCE.exec(value)?.[1];
      return [option, name === undefined ? value : secrets.get(name)!];
    }),
  );
}
