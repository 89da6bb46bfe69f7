import { randomBytes } from 'node:crypto';
import { BLOB_KEY_PATTERN, isNameId, ServiceError } from '@runspine/contracts';

/** Whose blobs: the corner of a tenant that a route serves. */
export interface BlobOwner {
  readonly tenantId: string;
  readonly env: string;
  readonly projectId: string;
}

/**
 * Blobs lie in `{route}/{tenant}/{env}/{project}/_blobs/{key}`. No surface can be called `_blobs`, so that spaces and
 * blobs may share a route.
 */
export const BLOBS_FOLDER = '_blobs';

const SCHEME = 'blob://';
const keyPattern = new RegExp(BLOB_KEY_PATTERN);
const KEY_CHARS_MAX = 1024;

/** True for what may be a key: parts of letters, digits, `.`, `_`, `-`, none beginning with a dot, slashes between. */
export function isBlobKey(key: string): boolean {
  // Anchors of a pattern without flags are those of the whole text: a newline at the end does not fit.
  return key.length <= KEY_CHARS_MAX && keyPattern.test(key);
}

/** A new key that nobody can guess: `blob_` and 48 hex digits. */
export function newBlobKey(): string {
  return `blob_${randomBytes(24).toString('hex')}`;
}

/** `blob://key`, as callers name a blob. */
export function blobUri(key: string): string {
  return `${SCHEME}${checkKey(key)}`;
}

/**
 * The key of `blob://key`. No other form is a reference: no host, no path of the machine, no tenant. Where the key leads
 * is decided by the caller's own route alone.
 * @throws ServiceError `nexus.blob_reference_invalid`
 */
export function parseBlobUri(uri: string): string {
  if (!uri.startsWith(SCHEME)) throw new ServiceError('nexus.blob_reference_invalid');
  return checkKey(uri.slice(SCHEME.length));
}

/** @throws ServiceError `nexus.blob_reference_invalid` */
export function checkKey(key: string): string {
  if (!isBlobKey(key)) throw new ServiceError('nexus.blob_reference_invalid');
  return key;
}

/**
 * Where an owner's blobs lie below a route.
 * @throws RangeError where a part of the owner is no name: callers have checked it.
 */
export function ownerFolder({ tenantId, env, projectId }: BlobOwner): string {
  const parts = [tenantId, env, projectId];
  for (const part of parts) if (!isNameId(part)) throw new RangeError(`not a part of a blob's path: ${part}`);
  return [...parts, BLOBS_FOLDER].join('/');
}
