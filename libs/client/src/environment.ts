/** What the environment says of where to record, for those who say nothing themselves. */
export interface EnvironmentSettings {
  /** RUNSPINE_ADDRESS: the gateway. */
  readonly address: string | undefined;
  /** RUNSPINE_TENANT */
  readonly tenant: string | undefined;
  /** RUNSPINE_ENV */
  readonly env: string | undefined;
  /** RUNSPINE_PROJECT */
  readonly project: string | undefined;
  /** RUNSPINE_SURFACE */
  readonly surface: string | undefined;
  /** RUNSPINE_TOKEN: a bearer token. */
  readonly token: string | undefined;
  /** RUNSPINE_SPOOL_DIR: where events wait for a gateway that is away. */
  readonly spoolDir: string | undefined;
  /** RUNSPINE_TRACKING: `off` records nothing. */
  readonly tracking: string | undefined;
  /** RUNSPINE_RERUN_OF: the run that the process repeats; its first run without a parent says so. */
  readonly rerunOf: string | undefined;
}

/** Reads the environment variables of the client. An empty one counts as absent. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): EnvironmentSettings {
  const read = (name: string) => env[name] || undefined;
  return {
    address: read('RUNSPINE_ADDRESS'),
    tenant: read('RUNSPINE_TENANT'),
    env: read('RUNSPINE_ENV'),
    project: read('RUNSPINE_PROJECT'),
    surface: read('RUNSPINE_SURFACE'),
    token: read('RUNSPINE_TOKEN'),
    spoolDir: read('RUNSPINE_SPOOL_DIR'),
    tracking: read('RUNSPINE_TRACKING'),
    rerunOf: read('RUNSPINE_RERUN_OF'),
  };
}
