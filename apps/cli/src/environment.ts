/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of the process; read nowhere else. */
export function processEnvironment(): Environment {
  return process.env;
}

/** A variable's value. An empty one counts as absent. */
export function variable(env: Environment, name: string): string | undefined {
  return env[name] || undefined;
}
