import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiQuery, ApiHeader, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ERRORS, type ErrorCode } from '@runspine/contracts';
import type { TSchema } from 'typebox';

/** A schema of the document's components, by name. */
export const schemaRef = (name: string) => ({ $ref: `#/components/schemas/${name}` });

type SchemaOrRef = TSchema | { $ref: string };

/** A parameter of a path, a query, or a header. */
export interface ParameterDoc {
  description: string;
  /** JSON Schema. @default a string */
  schema?: SchemaOrRef;
  required?: boolean;
}

/** One answer of a route. */
export interface AnswerDoc {
  description: string;
  /** JSON Schema of a JSON body; absent for answers without body or of other types. */
  schema?: SchemaOrRef;
  /** Bodies of other types than JSON: media type to schema. */
  content?: Record<string, SchemaOrRef>;
  /** Headers of the answer, by name. */
  headers?: Record<string, string>;
}

/** What the OpenAPI document says of a route. */
export interface RouteDoc {
  tag: 'runs' | 'steps' | 'events' | 'streams' | 'nexus' | 'research' | 'admin' | 'service';
  summary: string;
  description?: string;
  params?: Record<string, ParameterDoc>;
  query?: Record<string, ParameterDoc>;
  headers?: Record<string, ParameterDoc>;
  /** JSON Schema of the request's body; `required` is true unless said otherwise. */
  body?: { schema: SchemaOrRef; required?: boolean; examples?: Record<string, { value: unknown }> };
  /** Answers by status. */
  answers: Record<number, AnswerDoc>;
  /** Codes of the registry that this route may answer with; those that any route may have are added. */
  errors?: readonly ErrorCode[];
}

/** Codes that any route of the API may answer with. */
const ANY_ROUTE: readonly ErrorCode[] = ['auth.forbidden', 'request.invalid', 'service.draining', 'service.internal'];

/** Documents a route in OpenAPI: everything about it in one place, its errors by their codes. */
export function ApiDoc(doc: RouteDoc): MethodDecorator {
  return applyDecorators(
    ApiTags(doc.tag),
    ApiOperation({ summary: doc.summary, ...(doc.description === undefined ? {} : { description: doc.description }) }),
    ...Object.entries(doc.params ?? {}).map(([name, param]) => ApiParam({ name, ...parameter(param, true) })),
    ...Object.entries(doc.query ?? {}).map(([name, param]) => ApiQuery({ name, ...parameter(param, false) })),
    ...Object.entries(doc.headers ?? {}).map(([name, param]) => ApiHeader({ name, ...parameter(param, false) })),
    ...(doc.body ? [body(doc.body)] : []),
    ...Object.entries(doc.answers).map(([status, answer]) => ApiResponse(response(Number(status), answer))),
    ...errorAnswers([...(doc.errors ?? []), ...ANY_ROUTE]).map((answer) => ApiResponse(answer)),
  );
}

/** Documents routes of a controller that other services have as well, by the names of their methods. */
export function documentRoutes<C>(
  controller: { readonly prototype: C },
  docs: Readonly<Partial<Record<keyof C & string, RouteDoc>>>,
): void {
  for (const [name, doc] of Object.entries<RouteDoc | undefined>(docs)) {
    const method = Object.getOwnPropertyDescriptor(controller.prototype, name);
    if (doc && method) ApiDoc(doc)(controller.prototype as object, name, method);
  }
}

type ResponseOptions = Parameters<typeof ApiResponse>[0];
type BodyOptions = Parameters<typeof ApiBody>[0];
type LooseSchema = Record<string, never>;

function parameter(doc: ParameterDoc, required: boolean) {
  const schema = (doc.schema ?? { type: 'string' }) as unknown as LooseSchema;
  return { description: doc.description, required: doc.required ?? required, schema };
}

function body(doc: NonNullable<RouteDoc['body']>): MethodDecorator {
  const { schema, required = true, examples } = doc;
  return ApiBody({ schema, required, ...(examples ? { examples } : {}) } as unknown as BodyOptions);
}

function response(status: number, answer: AnswerDoc): ResponseOptions {
  const contents = { ...(answer.schema ? { 'application/json': answer.schema } : {}), ...answer.content };
  const content = Object.fromEntries(Object.entries(contents).map(([type, schema]) => [type, { schema }]));
  const headers = Object.fromEntries(
    Object.entries(answer.headers ?? {}).map(([name, description]) => [
      name,
      { description, schema: { type: 'string' } },
    ]),
  );
  return {
    status,
    description: answer.description,
    ...(Object.keys(content).length > 0 ? { content } : {}),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
  } as unknown as ResponseOptions;
}

/** One answer a status, which names every code that it may carry. */
function errorAnswers(codes: readonly ErrorCode[]): ResponseOptions[] {
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const code of codes) {
    const { status } = ERRORS[code];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  return [...byStatus].map(([status, codesOfStatus]) =>
    response(status, {
      description: [...codesOfStatus].map((code) => `\`${code}\`: ${ERRORS[code].meaning}`).join('\n\n'),
      schema: schemaRef('Error'),
    }),
  );
}
