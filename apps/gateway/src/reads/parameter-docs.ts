import type { TObject, TSchema } from 'typebox';
import type { ParameterDoc } from '../http/api-doc.js';

/** The parameters of a query schema as the OpenAPI document has them. */
export function parameterDocs(schema: TObject): Record<string, ParameterDoc> {
  const required = new Set<string>(schema.required ?? []);
  return Object.fromEntries(
    Object.entries(schema.properties as Record<string, TSchema & { description?: string }>).map(([name, property]) => [
      name,
      {
        description: property.description ?? `Only those of this ${name.replaceAll('_', ' ')}.`,
        schema: property,
        required: required.has(name),
      },
    ]),
  );
}
