import picocolors from 'picocolors';
import { type Environment, variable } from '../environment.js';
import type { Io, Sink } from '../io.js';

const UNICODE = { cut: '…', dash: '─', bar: '█', thin: '·', arrow: '→', inside: '↳' };
const ASCII = { cut: '~', dash: '-', bar: '#', thin: '.', arrow: '->', inside: '>' };

/** A command in a sentence, in backticks, or on a line of its own. */
const COMMAND = /(^|[\s`])(runspine [a-z-]+ [a-z])/gm;
const WIDTH_DEFAULT = 80;
/** Panels wider than this are hard to read. */
const PANEL_WIDTH_MAX = 110;

/** How text looks where it goes: colours, width, and which characters may be drawn. */
export class Terminal {
  readonly colours: ReturnType<typeof picocolors.createColors>;
  readonly hasColours: boolean;
  readonly unicode: boolean;
  /** A person looks at it, rather than a program. */
  readonly live: boolean;
  readonly signs: typeof UNICODE;

  constructor(
    private readonly io: Pick<Io, 'stdout' | 'stderr' | 'env'>,
    readonly options: { readonly json: boolean; readonly colour: boolean | undefined },
  ) {
    this.live = io.stdout.isTTY === true;
    this.hasColours = !options.json && wantsColours(io.stdout, io.env, options.colour);
    this.colours = picocolors.createColors(this.hasColours);
    this.unicode = drawsUnicode(io.env);
    this.signs = this.unicode ? UNICODE : ASCII;
  }

  /** Columns that a line may have; as many as it likes where a program reads it. */
  get width(): number {
    if (!this.live) return Number.POSITIVE_INFINITY;
    return Math.max(20, this.io.stdout.columns || Number(variable(this.io.env, 'COLUMNS')) || WIDTH_DEFAULT);
  }

  get panelWidth(): number {
    return this.live ? Math.min(this.width, PANEL_WIDTH_MAX) : Number.POSITIVE_INFINITY;
  }

  /** Lines of the answer. */
  print(...lines: readonly string[]): void {
    if (lines.length > 0) this.io.stdout.write(`${lines.join('\n')}\n`);
  }

  /** Lines beside the answer: what to do next, progress. Not part of what a program reads. */
  note(...lines: readonly string[]): void {
    if (lines.length > 0) this.io.stderr.write(`${this.called(lines.join('\n'))}\n`);
  }

  /** Text that names commands, with `npx` before them where that is how this one was called. */
  called(text: string): string {
    return this.io.env.npm_lifecycle_event === 'npx' ? text.replaceAll(COMMAND, '$1npx $2') : text;
  }

  /** One value: readable JSON. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value, null, 2));
  }

  /** One item of a list: a line of NDJSON. */
  printJsonLine(value: unknown): void {
    this.print(JSON.stringify(value));
  }
}

/** The flag, then FORCE_COLOR, then NO_COLOR, then whether it is a terminal that knows colours. */
export function wantsColours(sink: Sink, env: Environment, flag: boolean | undefined): boolean {
  if (flag !== undefined) return flag;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  if (variable(env, 'NO_COLOR') !== undefined) return false;
  return sink.isTTY === true && env.TERM !== 'dumb';
}

/** Whether the locale says UTF-8. */
function drawsUnicode(env: Environment): boolean {
  const locale = variable(env, 'LC_ALL') ?? variable(env, 'LC_CTYPE') ?? variable(env, 'LANG') ?? '';
  return /utf-?8/i.test(locale) && env.TERM !== 'linux' && env.TERM !== 'dumb';
}
