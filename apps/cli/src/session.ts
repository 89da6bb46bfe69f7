import { createClient, type RunspineClient } from '@runspine/client';
import type { Io } from './io.js';
import { Terminal } from './output/terminal.js';
import { readSettings, type Settings } from './settings.js';

/** What every command has beside its own options. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly color?: boolean;
  readonly timeout?: number;
  readonly [name: string]: unknown;
}

const TIMEOUT_S = 20;

/** One call of the command line: whom it speaks to, and how it shows what it has. */
export class Session {
  readonly terminal: Terminal;
  readonly json: boolean;
  private readSettings: Settings | undefined;
  private madeClient: RunspineClient | undefined;

  constructor(
    readonly io: Io,
    readonly options: GlobalOptions,
  ) {
    this.json = options.json === true;
    this.terminal = new Terminal(io, { json: this.json, colour: options.color });
  }

  /** @throws Failure where the config file or a setting is wrong. */
  get settings(): Settings {
    this.readSettings ??= readSettings(this.options, this.io.env);
    return this.readSettings;
  }

  get client(): RunspineClient {
    this.madeClient ??= this.makeClient();
    return this.madeClient;
  }

  /** The same caller in another project and surface. */
  clientIn(place: { readonly project: string; readonly surface: string }): RunspineClient {
    const { project, surface } = this.settings;
    return place.project === project && place.surface === surface ? this.client : this.makeClient(place);
  }

  /** Options of every request that reads: it ends with Ctrl-C. */
  get call(): { signal: AbortSignal } {
    return { signal: this.io.signal };
  }

  private makeClient(place: { readonly project?: string; readonly surface?: string } = {}): RunspineClient {
    const { address, tenant, env, project, surface, token, roles } = { ...this.settings, ...place };
    return createClient({
      ...{ address, tenant, env, project, surface },
      ...(token === undefined ? {} : { token }),
      ...(roles === undefined ? {} : { roles: roles.split(',').map((role) => role.trim()) }),
      timeoutMs: (this.options.timeout ?? TIMEOUT_S) * 1000,
      // Someone waits: short waits between few tries.
      retries: { attempts: 2, baseMs: 100, capMs: 1000 },
    });
  }
}
