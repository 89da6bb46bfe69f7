import type { MetricTotals, RecordedStepEvent } from './state.js';

const FIELDS = ['rows_in', 'rows_out', 'llm_calls', 'tokens', 'tokens_in', 'tokens_out', 'cost_usd'] as const;

/** Nothing measured. */
export const NO_METRICS: MetricTotals = Object.freeze({});

/** The known fields of the metrics that a run or a step gave; others stay in the journal only. */
export function ownMetrics(given: MetricTotals | undefined): MetricTotals {
  if (given === undefined) return NO_METRICS;
  const own: MetricTotals = {};
  for (const field of FIELDS) {
    const value = given[field];
    if (value !== undefined) own[field] = value;
  }
  return own;
}

/**
 * Totals of a run or a step, a field at a time: what it gave itself, else the sum over its parts. Its `tokens`, where it
 * gave none but one of `tokens_in` and `tokens_out`, are those two added up.
 */
export function totalsOf(own: MetricTotals, parts: MetricTotals): MetricTotals {
  if (own === NO_METRICS) return parts;
  const totals: MetricTotals = {};
  for (const field of FIELDS) {
    const value = field === 'tokens' ? totalTokens(own, parts) : (own[field] ?? parts[field]);
    if (value !== undefined) totals[field] = value;
  }
  return totals;
}

/** Sums after a part moved from `before` to `after`. Returns `sums` itself when nothing moved. */
export function moveSums(sums: MetricTotals, before: MetricTotals, after: MetricTotals): MetricTotals {
  if (before === after) return sums;
  const moved: MetricTotals = {};
  for (const field of FIELDS) {
    const was = before[field];
    const is = after[field];
    const sum = sums[field];
    if (was === is) {
      if (sum !== undefined) moved[field] = sum;
    } else if (field === 'cost_usd') {
      moved[field] = toGrid((sum ?? 0) + toGrid(is ?? 0) - toGrid(was ?? 0));
    } else {
      moved[field] = (sum ?? 0) + (is ?? 0) - (was ?? 0);
    }
  }
  return moved;
}

/** Sums of a step's details after one more; `details` itself when the event counts nothing. */
export function addDetail(details: MetricTotals, event: RecordedStepEvent): MetricTotals {
  if (event.type === 'step.provider_called') return moveSums(details, NO_METRICS, ONE_CALL);
  if (event.type !== 'step.provider_responded') return details;
  const { tokens_in, tokens_out, tokens_used } = event.data;
  const tokens =
    tokens_in === undefined && tokens_out === undefined ? tokens_used : (tokens_in ?? 0) + (tokens_out ?? 0);
  if (tokens === undefined) return details;
  return moveSums(details, NO_METRICS, { tokens, tokens_in, tokens_out });
}

const ONE_CALL: MetricTotals = Object.freeze({ llm_calls: 1 });

function totalTokens(own: MetricTotals, parts: MetricTotals): number | undefined {
  if (own.tokens !== undefined) return own.tokens;
  if (own.tokens_in === undefined && own.tokens_out === undefined) return parts.tokens;
  return (own.tokens_in ?? parts.tokens_in ?? 0) + (own.tokens_out ?? parts.tokens_out ?? 0);
}

/**
 * Money to 10⁻¹⁰ dollars: sums that go up and down again (a retry takes back what the attempt before it gave) stay
 * exact below some 900,000 dollars, whatever the order.
 */
function toGrid(usd: number): number {
  return Math.round(usd * 1e10) / 1e10;
}
