import type { Column } from './output/table.js';
import { tableLines } from './output/table.js';
import type { Session } from './session.js';
import {
  configPath,
  exposesToken,
  type Origin,
  originsOf,
  SETTINGS,
  type SettingName,
  writeConfig,
} from './settings.js';

interface Row extends Origin {
  readonly name: string;
}

/** The settings in force, and where each comes from. */
export function showConfig({ io, options, terminal, json }: Session): void {
  const origins = originsOf(options, io.env);
  const rows: Row[] = (Object.keys(SETTINGS) as SettingName[]).map((name) => {
    const { value, from } = origins[name];
    return { name, value: name === 'token' && value !== undefined ? '***' : value, from };
  });
  const path = configPath(io.env);
  if (json)
    return terminal.printJson({ path, settings: Object.fromEntries(rows.map(({ name, ...rest }) => [name, rest])) });
  terminal.print(...tableLines(terminal, COLUMNS, rows));
  terminal.note(terminal.colours.dim(`The file: ${path}`));
  if (exposesToken(path)) terminal.note(terminal.colours.yellow(`Others may read the token in it: chmod 600 ${path}`));
}

export function setConfig({ io, terminal, json }: Session, name: string, value: string | undefined): void {
  const path = configPath(io.env);
  writeConfig(path, name, value);
  if (json) terminal.printJson({ path, name, value: name === 'token' ? undefined : (value ?? null) });
  else terminal.note(value === undefined ? `${name} is not in ${path} any more.` : `${name} is in ${path}.`);
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'SETTING', value: ({ name }) => name },
  { title: 'VALUE', value: ({ value }) => value ?? '', min: 12 },
  { title: 'FROM', value: ({ from }) => from, min: 12 },
];
