import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { type Authenticator, type Identity, requireRole, type RequestHeaders, type Role } from './identity.js';
import { currentContext } from './request-context.js';

/** What an application provides an `Authenticator` by, wherever it has a route with `@Requires`. */
export const AUTHENTICATOR = Symbol('authenticator');

const ROLE = Symbol('role');
const IDENTITY = Symbol('identity');

/** What the guard reads of Fastify's request, and leaves there. */
interface IdentifiedRequest {
  readonly headers: RequestHeaders;
  readonly raw: { readonly socket: { readonly remoteAddress?: string } };
  [IDENTITY]?: Identity;
}

/**
 * Lets only callers through who hold the route's role, or one that implies it: else 403 `auth.forbidden`. Who calls is
 * told from the request itself, in every service: what passes it on is not believed.
 */
@Injectable()
export class RoleGuard implements CanActivate {
  constructor(@Inject(AUTHENTICATOR) private readonly authenticator: Authenticator) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const role = Reflect.getMetadata(ROLE, context.getHandler()) as Role;
    const request = context.switchToHttp().getRequest<IdentifiedRequest>();
    const identity = this.authenticator.identify({
      headers: request.headers,
      remoteAddress: request.raw.socket.remoteAddress,
    });
    // Without a promise where there is none: this is on the way of every request.
    return identity instanceof Promise
      ? identity.then((known) => admit(request, known, role))
      : admit(request, identity, role);
  }
}

/** The route is for callers with this role; inside it, `@Caller()` gives who that is. */
export function Requires(role: Role): MethodDecorator {
  return applyDecorators(SetMetadata(ROLE, role), UseGuards(RoleGuard));
}

/** Who calls (Identity). Only on routes with `@Requires`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Identity => {
  const identity = context.switchToHttp().getRequest<IdentifiedRequest>()[IDENTITY];
  if (!identity) throw new Error('@Caller() stands on a route without @Requires().');
  return identity;
});

function admit(request: IdentifiedRequest, identity: Identity, role: Role): true {
  const context = currentContext();
  if (context) context.identity = identity;
  requireRole(identity, role);
  request[IDENTITY] = identity;
  return true;
}
