import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Who may write routes for everybody. */
const OPERATOR = { 'content-type': 'application/json', 'x-tenant-id': 't_system', 'x-roles': 'system' };
const ANYBODY = { tenant_id: '*', env: '*', project_id: '*' };
const FOLDERS = { nexus_store: 'nexus', nexus_blob_store: 'blobs' } as const;

/** Routes everybody's spaces and blobs to folders of the data folder, unless somebody routed them elsewhere. */
export async function routeToFolders(gateway: string, dataDir: string): Promise<void> {
  const { items } = (await call(gateway, 'GET')) as { items: Record<string, unknown>[] };
  for (const [kind, folder] of Object.entries(FOLDERS)) {
    const known = items.some((one) => one.kind === kind && Object.keys(ANYBODY).every((name) => one[name] === '*'));
    if (known) continue;
    const uri = pathToFileURL(join(dataDir, folder)).href;
    await call(gateway, 'PUT', { kind, ...ANYBODY, uri });
  }
}

async function call(gateway: string, method: 'GET' | 'PUT', body?: unknown): Promise<unknown> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`${gateway}/nexus/routes`, { method, headers: OPERATOR, ...sent });
  const text = await answer.text();
  if (!answer.ok)
    throw new Error(`Stores could not be routed: ${method} /nexus/routes answered ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
