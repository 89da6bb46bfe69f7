export { errorText, sendError, sendServiceError } from './http/error-answer.js';
export { httpFaultOf } from './http/fault-of.js';
export { addRequestHooks, type HookParts } from './http/request-hooks.js';
export { serverOptions, type ServerBounds } from './http/server-options.js';
export { ServiceController } from './http/service.controller.js';
