/** Takes a figure into the table. */
export type Add = (what: string, ours: string, limit: string, wanted: string, kept: boolean) => void;

export function ms(value: number, digits = 1): string {
  return `${value.toFixed(digits)} ms`;
}

export function perSecond(value: number): string {
  return `${Math.round(value).toLocaleString('en')}/s`;
}

/** Of the values in order, the one in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}
