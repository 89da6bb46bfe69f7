import { ServiceController } from '@runspine/service/http';
import { documentRoutes } from './api-doc.js';

/** What the OpenAPI document says of the routes that every service has. */
export function documentServiceRoutes(): void {
  documentRoutes(ServiceController, {
    live: {
      tag: 'service',
      summary: 'Whether the process lives',
      answers: { 200: { description: 'It does.', schema: { type: 'object' } } },
    },
    ready: {
      tag: 'service',
      summary: 'Whether the gateway can do its work, part by part',
      answers: {
        200: { description: 'It can.', schema: { type: 'object' } },
        503: { description: 'A part is away, or the gateway drains; `checks` says which.', schema: { type: 'object' } },
      },
    },
    text: {
      tag: 'service',
      summary: 'Metrics of the process, for Prometheus',
      answers: { 200: { description: 'Text exposition format.', content: { 'text/plain': { type: 'string' } } } },
    },
  });
}
