import Type, { type TSchema } from 'typebox';

/** The same schema with a description of its own. */
export function described<Schema extends TSchema>(schema: Schema, description: string): Schema {
  return Type.With(schema, { description }) as Schema;
}

/** What fits the schema, or null. */
export const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** No fields but those that are named. */
export const CLOSED = { additionalProperties: false } as const;

/** A time of an answer: RFC 3339, UTC, milliseconds. */
export const DateTime = Type.String({ format: 'date-time' });
/** A label that lists filter by: stage, kind, provider, model. */
export const Label = Type.String({ minLength: 1, maxLength: 128 });
/** A name for people. */
export const Title = Type.String({ minLength: 1, maxLength: 512, description: 'A name for people.' });
/** Why something was done, in words. */
export const Reason = Type.String({ minLength: 1, maxLength: 4096, description: 'Why, in words.' });
/** Any JSON value. */
export const Json = Type.Unknown({ description: 'Any JSON value.' });
/** A number of things. */
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** A duration in milliseconds; fractions allowed. */
export const DurationMs = Type.Number({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Milliseconds; fractions allowed.',
});
/** Tags: names to values, both text. */
export const Tags = Type.Record(Type.String({ pattern: '^[^\\u0000]{1,128}$' }), Type.String({ maxLength: 512 }), {
  additionalProperties: false,
  maxProperties: 64,
  description: 'Tags, names of 1-128 characters to values; lists filter by them.',
});
/** Free metadata: top-level names to any JSON. */
export const Metadata = Type.Record(Type.String({ pattern: '^[^\\u0000]{1,256}$' }), Type.Unknown(), {
  additionalProperties: false,
  maxProperties: 256,
  description: 'Names of 1-256 characters to any JSON value.',
});
/** What was measured of a run or a step. */
export const Metrics = Type.Object(
  {
    rows_in: Type.Optional(Count),
    rows_out: Type.Optional(Count),
    llm_calls: Type.Optional(Count),
    tokens: Type.Optional(Count),
    tokens_in: Type.Optional(Count),
    tokens_out: Type.Optional(Count),
    cost_usd: Type.Optional(Type.Number({ minimum: 0, maximum: 1e12 })),
  },
  {
    additionalProperties: true,
    description: 'What was measured. tokens, where absent, is tokens_in + tokens_out. Further fields are kept.',
  },
);
/** Why a run or a step failed. */
export const ErrorInfo = Type.Object(
  {
    code: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    message: Type.String({ maxLength: 16_384 }),
    detail: Type.Optional(Json),
  },
  { additionalProperties: true, description: 'What went wrong. Further fields are kept.' },
);
/** A score that somebody gave a run; of one name the last counts. */
export const Score = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 128 }),
    value: Type.Number({ minimum: -1e308, maximum: 1e308 }),
    comment: Type.Optional(Type.String({ maxLength: 4096 })),
  },
  { additionalProperties: true, description: 'Of one name the last counts. Further fields are kept.' },
);
/** How a result came to be: by running, or from a checkpoint of an earlier run. */
export const ResultSource = Type.Enum(['executed', 'checkpoint'], {
  description: 'Whether the result was made now, or taken from an earlier run. `executed` by default.',
});
/** A fingerprint: `sha256:` and 64 hex digits, or a producer's own word for it. */
export const Fingerprint = Type.String({ minLength: 1, maxLength: 256 });
