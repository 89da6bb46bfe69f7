import type { FastifyInstance } from 'fastify';

/** Which methods each address answers: what tells a wrong method from a wrong address. */
export class RouteTable {
  private readonly routes: { pattern: RegExp; method: string }[] = [];

  /** Notes every route that is added from now on. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', (route) => {
      if (route.url.includes('*')) return;
      const pattern = patternOf(route.url);
      for (const method of [route.method].flat()) this.routes.push({ pattern, method });
    });
  }

  /** The methods of the routes that match an address (path, maybe with a query), sorted. */
  methodsAt(url: string): string[] {
    const path = url.split('?', 1)[0]!;
    const methods = this.routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return [...new Set(methods)].sort();
  }
}

/** `/v1/runs/:runId` → `^/v1/runs/[^/]+$` */
function patternOf(route: string): RegExp {
  const source = route
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${source}$`);
}
