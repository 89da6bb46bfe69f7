import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** Bytes of the signature that a token carries: 22 characters. */
const MAC_BYTES = 16;
/** The longest payload that is looked at, in characters; a request line ends before. */
const TOKEN = /^([A-Za-z0-9_-]{1,8000})\.([A-Za-z0-9_-]{22})$/;

/**
 * Makes tokens (cursors, snapshots, tickets): readable, signed with HMAC-SHA-256, and worth something only in the context
 * that they were made for, by whoever has the key.
 */
export class Signer {
  private readonly key: KeyObject;

  /** @param key the installation's `RUNSPINE_SIGNING_KEY`. */
  constructor(key: Buffer) {
    this.key = createSecretKey(key);
  }

  /** A token with the payload as JSON. `context` is not in it: whoever opens the token must know it. */
  seal(context: readonly string[], payload: unknown): string {
    const text = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return `${text}.${this.mac(context, text)}`;
  }

  /** The payload; undefined for whatever was not made with this key in this context, to the character. */
  open(context: readonly string[], token: string): unknown {
    const [, text, mac] = TOKEN.exec(token) ?? [];
    if (text === undefined || mac === undefined) return undefined;
    // As texts, which are of one length: decoders forgive the bits to spare at a base64's end, so that several texts have
    // the bytes of one signature.
    if (!timingSafeEqual(Buffer.from(mac), Buffer.from(this.mac(context, text)))) return undefined;
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  }

  private mac(context: readonly string[], text: string): string {
    return createHmac('sha256', this.key)
      .update(JSON.stringify([...context, text]))
      .digest()
      .subarray(0, MAC_BYTES)
      .toString('base64url');
  }
}
