import type { BlobRef } from '@runspine/contracts';

/** A blob's reference as events have it. */
export const blob = (key: string, tenant = 'acme'): BlobRef => ({ tenant, env: 'test', project: 'default', key });
export const document = (document_id: string, text: string) => ({ document_id, text });
