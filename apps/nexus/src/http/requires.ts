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
import { type Authenticator, currentContext, type Identity, requireRole, type Role } from '@runspine/request-context';
import type { FastifyRequest } from 'fastify';
import { AUTHENTICATOR } from './tokens.js';

const ROLE = Symbol('role');
const callers = new WeakMap<FastifyRequest, Identity>();

/** Who calls is told from the request itself, as at the gateway: what passes it on is not believed. */
@Injectable()
export class RoleGuard implements CanActivate {
  constructor(@Inject(AUTHENTICATOR) private readonly authenticator: Authenticator) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const role = Reflect.getMetadata(ROLE, context.getHandler()) as Role;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { remoteAddress } = request.raw.socket;
    const identity = await this.authenticator.identify({ headers: request.headers, remoteAddress });
    const current = currentContext();
    if (current) current.identity = identity;
    requireRole(identity, role);
    callers.set(request, identity);
    return true;
  }
}

/** The route is for callers with this role; inside it, `@Caller()` gives who that is. */
export function Requires(role: Role): MethodDecorator {
  return applyDecorators(SetMetadata(ROLE, role), UseGuards(RoleGuard));
}

/** Who calls. Only on routes with `@Requires`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Identity => {
  const identity = callers.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!identity) throw new Error('@Caller() stands on a route without @Requires().');
  return identity;
});
