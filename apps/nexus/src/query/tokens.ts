import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

const MAC_BYTES = 16;
const TOKEN = /^([A-Za-z0-9_-]{1,4000})\.([A-Za-z0-9_-]{22})$/;

/** Makes cursors and snapshots: readable, signed, and worth something only in the context that they were made in. */
export class Tokens {
  private readonly key: KeyObject;

  constructor(signingKey: Buffer) {
    this.key = createSecretKey(signingKey);
  }

  /** `context` is not in the token: whoever opens it must know it. */
  seal(context: readonly string[], payload: unknown): string {
    const text = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return `${text}.${this.mac(context, text).toString('base64url')}`;
  }

  /** The payload; undefined for whatever was not made here in this context. */
  open(context: readonly string[], token: string): unknown {
    const [, text, mac] = TOKEN.exec(token) ?? [];
    if (text === undefined || mac === undefined) return undefined;
    // As texts: exactly the token that was made, whereas bits to spare at a base64's end are forgiven by decoders.
    const made = this.mac(context, text).toString('base64url');
    if (!timingSafeEqual(Buffer.from(mac), Buffer.from(made))) return undefined;
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  }

  private mac(context: readonly string[], text: string): Buffer {
    return createHmac('sha256', this.key)
      .update(JSON.stringify([...context, text]))
      .digest()
      .subarray(0, MAC_BYTES);
  }
}

/** A short name of a value: equal values, whatever the order of their keys, have one. */
export function digest(canonical: string): string {
  return createHash('sha256').update(canonical).digest('base64url').slice(0, 22);
}
