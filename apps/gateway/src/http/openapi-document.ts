import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import {
  BatchEvent,
  BatchResult,
  BatchResults,
  COMMANDS,
  ErrorBody,
  EVENT_DEFINITIONS,
  EventBatch,
  EventId,
  EventList,
  EventOutcomeResource,
  EventResource,
  NameId,
  Pending,
  RejectionList,
  RejectionResource,
  RunId,
  RunList,
  RunResource,
  RunStateResource,
  StepId,
  StepList,
  StepResource,
  StreamTicket,
  StreamTicketRequest,
} from '@runspine/contracts';
import { ADMIN_SCHEMAS } from '../admin/schemas.js';
import { NEXUS_SCHEMAS } from '../nexus/schemas.js';

const DESCRIPTION = `Runs of AI agents and data pipelines. A write becomes an event on Kafka; it is answered when the
state machine has applied or refused it. Every error has the same shape; its codes are in docs/errors.md.`;

/** Schemas that routes refer to by name. */
const SCHEMAS: Record<string, object> = {
  RunId,
  StepId,
  EventId,
  NameId,
  Run: RunResource,
  Step: StepResource,
  Event: EventResource,
  Rejection: RejectionResource,
  Error: ErrorBody,
  RunList,
  StepList,
  EventList,
  RejectionList,
  RunState: RunStateResource,
  EventOutcome: EventOutcomeResource,
  StreamTicket,
  StreamTicketRequest,
  Pending,
  BatchEvent,
  EventBatch,
  BatchResult,
  BatchResults,
  ...NEXUS_SCHEMAS,
  ...ADMIN_SCHEMAS,
  ...Object.fromEntries(COMMANDS.map(({ name, body }) => [name, body])),
  ...Object.fromEntries(EVENT_DEFINITIONS.map(({ type, schema }) => [`data.${type}`, schema])),
};

/** Headers of development identity; a token takes their place. */
const IDENTITY_HEADERS = ['X-Tenant-Id', 'X-Env', 'X-Project-Id', 'X-Surface-Id', 'X-Roles'];

/** The OpenAPI 3.1 document of the app's routes. Its schemas are those that validate requests and type the code. */
export function openApiDocument(app: INestApplication, moreSchemas: Record<string, object> = {}): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Runspine')
    .setDescription(DESCRIPTION.replaceAll('\n', ' '))
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0');
  for (const name of IDENTITY_HEADERS) {
    config.addApiKey({ type: 'apiKey', in: 'header', name, description: 'Counts in development mode only.' }, name);
  }
  const document = SwaggerModule.createDocument(app, config.build(), {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}`,
  });
  const schemas = { ...SCHEMAS, ...moreSchemas, ...document.components?.schemas };
  // None is needed: each has a default.
  document.security = [{}, Object.fromEntries(IDENTITY_HEADERS.map((name) => [name, []]))];
  document.components = { ...document.components, schemas: plain(schemas) as never };
  return document;
}

/** Serves the document at /docs-json, and a page to try it at /docs, from files of our own: no network is needed. */
export function serveDocs(app: INestApplication, document: OpenAPIObject): void {
  SwaggerModule.setup('docs', app, document, {
    jsonDocumentUrl: 'docs-json',
    yamlDocumentUrl: 'docs-yaml',
    customSiteTitle: 'Runspine API',
    swaggerOptions: { persistAuthorization: true, tryItOutEnabled: true, displayRequestDuration: true },
  });
}

/** Without what TypeBox keeps beside the JSON Schema. */
function plain(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object;
}
