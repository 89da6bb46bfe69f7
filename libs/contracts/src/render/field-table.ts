import { code, table } from './markdown.js';

/** The parts of JSON Schema that our definitions use. */
export interface SchemaNode {
  type?: string;
  description?: string;
  enum?: unknown[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  maxProperties?: number;
  required?: string[];
  properties?: Record<string, SchemaNode>;
  patternProperties?: Record<string, SchemaNode>;
  items?: SchemaNode;
}

/** A table of an object's fields: type, whether required, limits, meaning. Fields of objects inside follow, by path. */
export function fieldTable(schema: object): string {
  return table(['field', 'type', 'required', 'limits', 'meaning'], rowsOf(schema as SchemaNode, ''));
}

function rowsOf(schema: SchemaNode, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = prefix + name;
    const row = [
      code(path),
      typeOf(field),
      schema.required?.includes(name) ? 'yes' : '',
      limitsOf(field).join(', '),
      field.description ?? '',
    ];
    const inner = field.items ? rowsOf(field.items, `${path}[].`) : rowsOf(field, `${path}.`);
    return [row, ...inner];
  });
}

function typeOf(field: SchemaNode): string {
  if (field.enum) return field.enum.map((value) => code(JSON.stringify(value))).join(' or ');
  if (field.type === 'array') return `array of ${field.items ? typeOf(field.items) : 'anything'}`;
  const values = Object.values(field.patternProperties ?? {})[0];
  if (values) return `map of string to ${typeOf(values)}`;
  return field.type ?? 'any JSON';
}

function limitsOf(field: SchemaNode): string[] {
  const limits: string[] = [];
  const between = (low: number | undefined, high: number | undefined, unit: string) => {
    if (high !== undefined) limits.push(`${low ?? 0} to ${numeral(high)}${unit}`);
    else if (low !== undefined) limits.push(`at least ${low}${unit}`);
  };
  between(field.minLength, field.maxLength, ' characters');
  between(field.minimum, field.maximum, '');
  if (field.maxItems !== undefined) limits.push(`at most ${field.maxItems} items`);
  if (field.maxProperties !== undefined) limits.push(`at most ${field.maxProperties} names`);
  if (field.pattern !== undefined) limits.push(code(field.pattern));
  for (const pattern of Object.keys(field.patternProperties ?? {})) limits.push(`names ${code(pattern)}`);
  if (field.items) limits.push(...limitsOf(field.items).map((limit) => `each ${limit}`));
  return limits;
}

function numeral(value: number): string {
  return value === Number.MAX_SAFE_INTEGER ? '2^53 - 1' : String(value);
}
