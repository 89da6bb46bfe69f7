import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** Bytes of the signature that a token carries. */
const MAC_BYTES = 16;
const TOKEN = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})$/;

/** Makes tokens that only this installation can make, and that count in the context that they were made for only. */
export class Signer {
  private readonly key: KeyObject;

  constructor(key: Buffer) {
    this.key = createSecretKey(key);
  }

  /** A token with the payload as JSON, readable and signed. `context` is not in it: whoever opens it must know it. */
  seal(context: readonly string[], payload: unknown): string {
    const text = Buffer.from(JSON.stringify(payload)).toString('base64url');
    return `${text}.${this.mac(context, text).toString('base64url')}`;
  }

  /** The payload, or undefined for whatever this signer did not make in this context. */
  open(context: readonly string[], token: string): unknown {
    const [, text, mac] = TOKEN.exec(token) ?? [];
    if (text === undefined || mac === undefined) return undefined;
    if (!timingSafeEqual(Buffer.from(mac, 'base64url'), this.mac(context, text))) return undefined;
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  }

  private mac(context: readonly string[], text: string): Buffer {
    return createHmac('sha256', this.key)
      .update(JSON.stringify([...context, text]))
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
