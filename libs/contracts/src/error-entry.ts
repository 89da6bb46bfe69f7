/** An entry of the error registry. */
export interface ErrorEntry {
  /** HTTP status of the answer; for codes that only dead letters and rejections carry, of a look-up that shows them. */
  readonly status: number;
  /** True when the same request may succeed later. */
  readonly retryable: boolean;
  /** When it happens, and what to do. */
  readonly meaning: string;
}
