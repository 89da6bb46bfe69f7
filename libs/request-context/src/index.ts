export {
  developmentAuthenticator,
  hasRole,
  identifyDevelopment,
  requireRole,
  ROLES,
  type Authenticator,
  type IdentifiableRequest,
  type Identity,
  type RequestHeaders,
  type Role,
} from './identity.js';
export { assertLoopback, BeyondLoopback, isLoopback } from './loopback.js';
export { currentContext, requestIdOf, requestLogFields, runInContext, type RequestContext } from './request-context.js';
