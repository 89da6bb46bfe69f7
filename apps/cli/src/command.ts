import { Command, InvalidArgumentError, type Option } from 'commander';
import { EXIT } from './failures.js';
import type { Io } from './io.js';
import { type GlobalOptions, Session } from './session.js';

/** What a command was called with. */
export interface Call<O> {
  readonly args: readonly string[];
  readonly options: O;
}

/** Does the work of a command. @returns an exit code other than 0, if any */
export type Work<O> = (session: Session, call: Call<O>) => Promise<number | void>;

/** Where commands run, and how the last of them ended. */
export interface Surroundings {
  readonly io: Io;
  exitCode: number;
  session: Session | undefined;
  /** Failures are told as JSON, too. */
  readonly json: boolean;
}

/** A command with examples, whose work is loaded when it is called. */
export class CliCommand extends Command {
  readonly examples: (readonly [line: string, meaning: string])[] = [];

  constructor(
    name: string,
    readonly surroundings: Surroundings,
  ) {
    super(name);
    this.addHelpText('after', () => this.exampleText());
  }

  override createCommand(name: string): CliCommand {
    return new CliCommand(name, this.surroundings);
  }

  /** A command of this group. */
  add(nameAndArguments: string, description: string): CliCommand {
    return (this.command(nameAndArguments) as CliCommand).description(description);
  }

  example(line: string, meaning: string): this {
    this.examples.push([line, meaning]);
    return this;
  }

  addOptions(options: readonly Option[]): this {
    for (const option of options) this.addOption(option);
    return this;
  }

  does<O extends object>(work: Work<O & GlobalOptions>): this {
    return this.action(async (...given: unknown[]) => {
      const options = this.optsWithGlobals<O & GlobalOptions>();
      const session = new Session(this.surroundings.io, options);
      this.surroundings.session = session;
      const args = given
        .slice(0, -2)
        .flat()
        .filter((arg) => arg !== undefined) as string[];
      this.surroundings.exitCode = (await work(session, { args, options })) ?? EXIT.ok;
    });
  }

  private exampleText(): string {
    if (this.examples.length === 0) return '';
    const width = Math.max(...this.examples.map(([line]) => line.length));
    const beside = width < 40;
    const lines = this.examples.map(([line, meaning]) =>
      beside ? `  ${line.padEnd(width)}  ${meaning}` : `  # ${meaning}\n  ${line}`,
    );
    return `\nExamples:\n${lines.join('\n')}`;
  }
}

/** Reads a whole number of an option. */
export function wholeNumber(min: number, max: number): (given: string) => number {
  return (given) => {
    const value = /^\d{1,12}$/.test(given) ? Number(given) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`A whole number from ${min} to ${max}.`);
    return value;
  };
}

/** Collects `name=value` options into an object. */
export function pairs(given: string, before: Record<string, string> = {}): Record<string, string> {
  const at = given.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give it as name=value.');
  return { ...before, [given.slice(0, at)]: given.slice(at + 1) };
}

/** Reads JSON of an option. */
export function json(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch (error) {
    throw new InvalidArgumentError(`That is not JSON: ${(error as Error).message}.`);
  }
}
