/** A column of a set-based insert: how a row gives its value, and the array type that carries it. */
export interface Column<Row> {
  name: string;
  /** PostgreSQL type of one value as it is sent. */
  type: 'text' | 'bigint' | 'integer' | 'uuid' | 'timestamptz' | 'json' | 'hex';
  of: (row: Row) => string | number | null;
}

/** For any number of rows: `INSERT … SELECT … FROM unnest(…)`, an array a column, from parameter `$first` on. */
export function insertFrom<Row>(table: string, columns: readonly Column<Row>[], first: number, suffix = ''): string {
  const names = columns.map((column) => column.name).join(', ');
  const values = columns.map((column, index) => (column.type === 'hex' ? `decode(c${index}, 'hex')` : `c${index}`));
  const arrays = columns.map((column, index) => `$${first + index}::${column.type === 'hex' ? 'text' : column.type}[]`);
  const aliases = columns.map((_, index) => `c${index}`);
  return (
    `INSERT INTO ${table} (${names}) SELECT ${values.join(', ')} ` +
    `FROM unnest(${arrays.join(', ')}) AS rows(${aliases.join(', ')}) ${suffix}`
  );
}

/** The rows as one array a column, in PostgreSQL's text form. */
export function arraysOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  return columns.map((column) => {
    const quoted = column.type === 'text' || column.type === 'json';
    let text = '{';
    for (let index = 0; index < rows.length; index += 1) {
      const value = column.of(rows[index]!);
      if (index > 0) text += ',';
      if (value === null) text += 'NULL';
      else text += quoted ? quote(value as string) : value;
    }
    return `${text}}`;
  });
}

/** Texts as one array in PostgreSQL's text form; pg's own conversion costs several times as much. */
export function textArray(values: readonly string[]): string {
  return `{${values.map(quote).join(',')}}`;
}

const SPECIAL = /["\\]/g;

function quote(value: string): string {
  return `"${value.includes('"') || value.includes('\\') ? value.replace(SPECIAL, '\\$&') : value}"`;
}
