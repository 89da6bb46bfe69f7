import { hash, type KeyObject } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Longer texts are hashed from a buffer of their own. */
const KEPT_BYTES = 16 * 1024;

/** A key, mixed into the first block of either hash, with room behind it for what that hash is of. */
interface Pads {
  inner: Buffer;
  outer: Buffer;
}
const padsOf = new WeakMap<KeyObject, Pads>();

/**
 * Hex HMAC-SHA-256 (RFC 2104) of a text as UTF-8, by two hashes at a stroke: half the time of `createHmac`, whose objects
 * also cost the garbage collector as much again.
 */
export function hmacSha256(key: KeyObject, text: string): string {
  let pads = padsOf.get(key);
  if (!pads) padsOf.set(key, (pads = padsFor(key)));
  const { outer } = pads;
  const bytesMax = 3 * text.length;
  const inner = bytesMax <= KEPT_BYTES ? pads.inner : longer(pads.inner, bytesMax);
  const end = BLOCK_BYTES + inner.write(text, BLOCK_BYTES, 'utf8');
  outer.write(hash('sha256', inner.subarray(0, end), 'binary'), BLOCK_BYTES, 'latin1');
  return hash('sha256', outer, 'hex');
}

function padsFor(key: KeyObject): Pads {
  const bytes = key.export();
  const block = Buffer.alloc(BLOCK_BYTES);
  if (bytes.length <= BLOCK_BYTES) bytes.copy(block);
  else block.write(hash('sha256', bytes, 'binary'), 'latin1');
  const inner = Buffer.alloc(BLOCK_BYTES + KEPT_BYTES);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += 1) {
    inner[at] = block[at]! ^ 0x36;
    outer[at] = block[at]! ^ 0x5c;
  }
  return { inner, outer };
}

function longer(inner: Buffer, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(BLOCK_BYTES + bytes);
  inner.copy(buffer, 0, 0, BLOCK_BYTES);
  return buffer;
}
