/** Takes a figure into the table. */
export type Add = (what: string, ours: string, limit: string, wanted: string, kept: boolean) => void;

export function ms(value: number, digits = 1): string {
  return `${value.toFixed(digits)} ms`;
}

export function perSecond(value: number): string {
  return `${Math.round(value).toLocaleString('en')}/s`;
}
