import type { PipeTransform } from '@nestjs/common';
import { type Fault, faultsOf, invalidRequest, normalizeTime, stringFault } from '@runspine/contracts';
import type { Static, TObject } from 'typebox';
import { Compile } from 'typebox/compile';

/** Parameters as they stand in the address. */
type Sent = Readonly<Record<string, string | string[] | undefined>>;

interface ParameterSchema {
  type?: string;
  format?: string;
}

/**
 * The parameters of an address, typed by their schema. One that nobody knows is refused by its name: a filter that is
 * misspelt must not give the unfiltered list.
 */
export class QueryPipe<Schema extends TObject> implements PipeTransform<Sent, Static<Schema>> {
  private readonly compiled;

  constructor(private readonly schema: Schema) {
    this.compiled = Compile(schema);
  }

  transform(sent: Sent): Static<Schema> {
    const faults: Fault[] = [];
    const values: Record<string, unknown> = {};
    for (const [name, text] of Object.entries(sent)) {
      if (text === undefined) continue;
      const read = this.read(name, text);
      if ('message' in read) faults.push({ path: name, message: read.message });
      else values[name] = read.value;
    }
    if (faults.length === 0 && !this.compiled.Check(values)) {
      faults.push(...faultsOf(this.compiled, values).map(({ path, message }) => ({ path: path.slice(1), message })));
    }
    if (faults.length > 0) throw invalidRequest(faults);
    return values as Static<Schema>;
  }

  private read(name: string, text: string | string[]): { value: unknown } | { message: string } {
    const properties = this.schema.properties as Record<string, ParameterSchema>;
    if (!Object.hasOwn(properties, name)) {
      const known = Object.keys(properties);
      return {
        message: known.length > 0 ? `is no parameter here; there are ${known.join(', ')}` : 'is no parameter here',
      };
    }
    if (typeof text !== 'string') return { message: 'must be given once' };
    const unstorable = stringFault(text);
    if (unstorable !== undefined) return { message: unstorable };
    const { type, format } = properties[name]!;
    if (type === 'integer') return { value: /^\d{1,16}$/.test(text) ? Number(text) : text };
    if (type === 'boolean') return { value: text === 'true' ? true : text === 'false' ? false : text };
    if (format !== 'date-time') return { value: text };
    const time = normalizeTime(text, Number.POSITIVE_INFINITY);
    return 'time' in time ? { value: time.time } : time;
  }
}
