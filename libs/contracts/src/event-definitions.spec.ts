import { describe, expect, it } from '@jest/globals';
import type { EventDefinition } from './define-event.js';
import { ALL_EVENT_DEFINITIONS, EVENT_DEFINITIONS, definitionOf, type EventType, isStepEventType } from './events.js';
import type { NexusEventType } from './nexus-events.js';
import { ALL_EXAMPLE_DATA, minimalData } from './render/examples.js';
import type { SchemaNode } from './render/field-table.js';

const definitions = ALL_EVENT_DEFINITIONS.map(
  (definition) => [definition.type, definition as EventDefinition] as const,
);

interface WrongField {
  path: string;
  what: string;
  data: Record<string, unknown>;
}

/** The example with one field at a time made wrong: by its type, and by each limit that its schema has. */
function wrongFields(type: EventType | NexusEventType, definition: EventDefinition): WrongField[] {
  const example = ALL_EXAMPLE_DATA[type] as Record<string, unknown>;
  const { properties = {} } = definition.schema as SchemaNode;
  return Object.entries(properties).flatMap(([name, schema]) =>
    wrongValues(schema).map(({ what, value, below = '' }) => ({
      path: `/${name}${below}`,
      what,
      data: { ...example, [name]: value },
    })),
  );
}

function wrongValues(schema: SchemaNode): { what: string; value: unknown; below?: string }[] {
  const wrong: { what: string; value: unknown; below?: string }[] = [];
  if (schema.type !== undefined || schema.enum) wrong.push({ what: 'null', value: null });
  if (schema.type === 'string' || schema.enum) wrong.push({ what: 'a number', value: 5 });
  if (schema.enum) wrong.push({ what: 'a word that is not one of them', value: 'elsewhere' });
  if (schema.type === 'integer' || schema.type === 'number') wrong.push({ what: 'a string', value: '5' });
  if (schema.type === 'boolean') wrong.push({ what: 'a string', value: 'true' });
  if (schema.type === 'integer') wrong.push({ what: 'a fraction', value: 1.5 });
  if (schema.type === 'object') wrong.push({ what: 'an array', value: [] });
  if (schema.type === 'array') wrong.push({ what: 'an object', value: {} });
  if (schema.minLength) wrong.push({ what: 'too short', value: '' });
  if (schema.maxLength !== undefined) wrong.push({ what: 'too long', value: 'x'.repeat(schema.maxLength + 1) });
  if (schema.pattern !== undefined) wrong.push({ what: 'another form', value: "x'/\u0000" });
  if (schema.minimum !== undefined) wrong.push({ what: 'too small', value: schema.minimum - 1 });
  if (schema.maximum !== undefined) wrong.push({ what: 'too large', value: schema.maximum * 2 });
  if (schema.maxItems !== undefined)
    wrong.push({ what: 'too many', value: Array(schema.maxItems + 1).fill(null), below: '/0' });
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    for (const { what, value, below = '' } of wrongValues(inner)) {
      wrong.push({
        what: `${what} in ${name}`,
        value: { ...required(schema), [name]: value },
        below: `/${name}${below}`,
      });
    }
  }
  return wrong;
}

function required(schema: SchemaNode): Record<string, unknown> {
  return Object.fromEntries((schema.required ?? []).map((name) => [name, 'text']));
}

describe.each(definitions)('%s', (type, definition) => {
  it('takes its least and its fullest data', () => {
    expect([definition.check(minimalData(type)), definition.faults(minimalData(type))]).toEqual([true, []]);
    expect([definition.check(ALL_EXAMPLE_DATA[type]), definition.faults(ALL_EXAMPLE_DATA[type])]).toEqual([true, []]);
    expect(Object.keys(ALL_EXAMPLE_DATA[type]).sort()).toEqual(
      Object.keys((definition.schema as SchemaNode).properties ?? {}).sort(),
    );
  });

  it.each(Object.keys(minimalData(type)))('requires %s', (field) => {
    const { [field]: _missing, ...data } = minimalData(type);
    expect(definition.check(data)).toBe(false);
    expect(definition.faults(data)).toEqual([{ path: `/${field}`, message: 'is required' }]);
  });

  it.each(wrongFields(type, definition))('refuses $path: $what', ({ path, data }) => {
    expect(definition.check(data)).toBe(false);
    expect(definition.faults(data).map((fault) => fault.path)).toContain(path);
  });

  it('takes fields that nobody defined, and leaves them where they are', () => {
    const data = { ...minimalData(type), a_field_of_tomorrow: { any: ['thing'] } };
    expect(definition.check(data)).toBe(true);
    expect(data.a_field_of_tomorrow).toEqual({ any: ['thing'] });
  });

  it.each([null, undefined, 5, 'text', []])('refuses %j in place of an object', (data) => {
    expect(definition.check(data)).toBe(false);
    expect(definition.faults(data)[0]).toMatchObject({ path: '' });
  });

  it('names as payload only fields that it has', () => {
    expect(Object.keys((definition.schema as SchemaNode).properties ?? {})).toEqual(
      expect.arrayContaining([...definition.payload]),
    );
  });
});

describe('tags and metadata', () => {
  const { check, faults } = definitionOf('run.annotated')!;
  const annotated = (fields: object) => ({ ...minimalData('run.annotated'), ...fields });

  it('have names within their limits, counted in code points', () => {
    expect(check(annotated({ tags: { ['😀'.repeat(128)]: 'x' } }))).toBe(true);
    const tags = { ['x'.repeat(129)]: 'y' };
    expect(check(annotated({ tags }))).toBe(false);
    expect(faults(annotated({ tags }))).toEqual([
      { path: `/tags/${'x'.repeat(129)}`, message: 'has a name that is not allowed' },
    ]);
    expect(check(annotated({ metadata: { '': 1 } }))).toBe(false);
  });

  it('have values of their type, under any name', () => {
    expect(faults(annotated({ tags: { 'a/b': 5 } }))).toEqual([{ path: '/tags/a~1b', message: 'must be string' }]);
    expect(check(annotated({ tags: JSON.parse('{"__proto__":5}') as object }))).toBe(false);
  });

  it('have a largest number', () => {
    const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, 'x']));
    expect(check(annotated({ tags: names(64), metadata: names(256) }))).toBe(true);
    expect(faults(annotated({ tags: names(65) }))[0]).toMatchObject({ path: '/tags' });
    expect(faults(annotated({ metadata: names(257) }))[0]).toMatchObject({ path: '/metadata' });
  });
});

describe('faults', () => {
  it('name scores and hits by their place', () => {
    const scores = [{ name: 'a', value: 1 }, { value: 'high' }];
    const found = definitionOf('run.annotated')!.faults({ ...minimalData('run.annotated'), scores });
    expect(found.map(({ path }) => path).sort()).toEqual(['/scores/1/name', '/scores/1/value']);
  });

  it('are bounded in number and length, whatever is sent', () => {
    const hits = Array(1000).fill({ id: 5, score: 'x' });
    expect(definitionOf('step.retrieved')!.faults({ ...minimalData('step.retrieved'), hits }).length).toBeLessThan(25);
    const tags = { ['k'.repeat(100_000)]: 1 };
    const [fault] = definitionOf('run.annotated')!.faults({ ...minimalData('run.annotated'), tags });
    expect(fault!.path.length).toBeLessThan(300);
  });

  it('say what is allowed', () => {
    const data = { ...minimalData('run.completed'), source: 'elsewhere' };
    expect(definitionOf('run.completed')!.faults(data)).toEqual([
      { path: '/source', message: 'must be one of executed, checkpoint' },
    ]);
  });
});

it('types are told apart by their name, and unknown ones are unknown', () => {
  expect(definitionOf('run.vanished')).toBeUndefined();
  expect(definitionOf('constructor')).toBeUndefined();
  expect(EVENT_DEFINITIONS.filter(({ type }) => isStepEventType(type))).toHaveLength(11);
});
