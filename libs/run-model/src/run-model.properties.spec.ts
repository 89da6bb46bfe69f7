import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent, SubmittedEvent } from '@runspine/contracts';
import fc from 'fast-check';
import { closeStep } from './affected-steps.js';
import { decide } from './decide.js';
import { eraseRun, eraseStep, redact } from './erase.js';
import { eventSequences } from './event-sequences.fixture.js';
import type { Replay } from './replay.js';
import { evolveStored, fold, Spine, stored } from './spine.fixture.js';
import { isFinished, isOpenStep, type MetricTotals, type RunState, type StepState } from './state.js';

const RUNS = { numRuns: 200 };

/** Spines of the runs that a sequence speaks of; `each` sees a run's spine before and after every event. */
function project(
  events: SubmittedEvent[],
  each: (spine: Spine, event: SubmittedEvent, submit: () => ReturnType<Spine['submit']>) => void = (_s, _e, submit) =>
    void submit(),
): Map<string, Spine> {
  const spines = new Map<string, Spine>();
  for (const event of events) {
    const spine = spines.get(event.data.run_id) ?? new Spine();
    spines.set(event.data.run_id, spine);
    each(spine, event, () => spine.submit(event));
  }
  return spines;
}

/** Holds for every run of every sequence. */
function always(property: (spine: Spine, events: SubmittedEvent[]) => void): void {
  fc.assert(
    fc.property(eventSequences, (events) => {
      for (const spine of project(events).values()) property(spine, events);
    }),
    RUNS,
  );
}

describe('any sequence of well-formed events', () => {
  it('is decided and folded without an error, and what is refused changes nothing', () => {
    fc.assert(
      fc.property(eventSequences, (events) => {
        project(events, (spine, _event, submit) => {
          const before = JSON.stringify(spine.state);
          const { run, steps } = spine.state;
          if (submit().kind === 'apply') return;
          expect(spine.state.run).toBe(run);
          expect(spine.state.steps.every((step, index) => step === steps[index])).toBe(true);
          expect(JSON.stringify(spine.state)).toBe(before);
        });
      }),
      RUNS,
    );
  });

  it('gives gapless versions, moved by what is journalled and by nothing else', () => {
    always(({ history, state }) => {
      expect(history.map((each) => each.run_sequence)).toEqual(history.map((_, index) => index + 1));
      expect(state.run?.version ?? 0).toBe(history.length);
    });
  });

  it('never leaves the end of a run, and leaves no step open behind it', () => {
    fc.assert(
      fc.property(eventSequences, (events) => {
        project(events, (spine, _event, submit) => {
          const { run } = spine.replay;
          const ended = run && isFinished(run) ? { status: run.status, at: run.ended_at } : undefined;
          submit();
          if (ended) expect({ status: spine.run.status, at: spine.run.ended_at }).toEqual(ended);
          const finished = spine.replay.run !== undefined && isFinished(spine.replay.run);
          for (const step of spine.state.steps) {
            if (finished) expect(isOpenStep(step)).toBe(false);
            else expect(step.status).not.toBe('unreported');
          }
        });
      }),
      RUNS,
    );
  });

  it('keeps times and durations in order: what ended has an end, nothing took less than no time', () => {
    always(({ state: { run, steps } }) => {
      if (!run) return;
      expect(run.ended_at !== null).toBe(isFinished(run));
      for (const each of [run, ...steps]) expect(each.duration_ms ?? 0).toBeGreaterThanOrEqual(0);
      for (const step of steps) {
        expect(step.ended_at !== null).toBe(['completed', 'failed', 'skipped'].includes(step.status));
      }
    });
  });

  it('sums a run’s totals over its steps wherever the run gave none', () => {
    always(({ state: { run, steps } }) => {
      if (!run) return;
      for (const field of ['rows_in', 'rows_out', 'llm_calls', 'tokens_in', 'tokens_out', 'cost_usd'] as const) {
        expectTotal(run, field, run.own_metrics[field] ?? sumOf(steps, field));
      }
      const { tokens, tokens_in, tokens_out } = run.own_metrics;
      const halves = tokens_in !== undefined || tokens_out !== undefined;
      const both = (tokens_in ?? sumOf(steps, 'tokens_in')) + (tokens_out ?? sumOf(steps, 'tokens_out'));
      expectTotal(run, 'tokens', tokens ?? (halves ? both : sumOf(steps, 'tokens')));
    });
  });

  it('chains causes: each is an earlier event of the same run, and correlation is one', () => {
    always(({ history }) => {
      const seen = new Set<string>();
      for (const each of history) {
        if (each.type !== 'run.created') expect(seen.has(each.causation_id!)).toBe(true);
        expect(each.correlation_id).toBe(history[0]!.correlation_id);
        seen.add(each.event_id);
      }
    });
  });

  it('gives the same states the second time', () => {
    fc.assert(
      fc.property(eventSequences, (events) => {
        expectSame(statesOf(project(events)), statesOf(project(events)));
      }),
      RUNS,
    );
  });

  it('evolves alike from a state that was stored as JSON', () => {
    always(({ history, state }) => {
      let run: RunState | undefined;
      const steps = new Map<string, StepState>();
      for (const each of history) {
        const after = evolveStored({ run, step: each.step_id === null ? undefined : steps.get(each.step_id) }, each);
        run = after.run;
        if (each.step_id !== null) steps.set(each.step_id, after.step!);
        for (const [id, step] of steps) {
          steps.set(id, each.type === 'run.erased' ? eraseStep(step) : closeStep(stored(step), each));
        }
      }
      expectSame(withoutLife({ run, steps: [...steps.values()] }), withoutLife(state));
      if (run) expectSame(stored(state), state);
    });
  });

  it('decides alike upon a state that was stored as JSON', () => {
    fc.assert(
      fc.property(eventSequences, (events) => {
        project(events, (spine, event, submit) => {
          const view = spine.viewOf(event);
          const again = decide({ run: stored(view.run), step: stored(view.step) }, stored(event));
          expect(again).toEqual(submit());
        });
      }),
      RUNS,
    );
  });
});

describe('the journal', () => {
  it('folds, up to any of its events, to the state as of that event', () => {
    fc.assert(
      fc.property(eventSequences, (events) => {
        const states = new Map<Spine, unknown[]>();
        project(events, (spine, event, submit) => {
          if (submit().kind === 'refuse' || event.type === 'run.heartbeat') return;
          states.set(spine, [...(states.get(spine) ?? []), withoutLife(spine.state)]);
        });
        for (const [spine, expected] of states) {
          expected.forEach((state, index) => {
            expectSame(withoutLife(stateOf(fold(spine.history.slice(0, index + 1)))), state);
          });
        }
      }),
      RUNS,
    );
  });

  it('redacted, folds to the erased state, in the midst of a run’s life and at its end', () => {
    fc.assert(
      fc.property(eventSequences, fc.nat(60), (events, cut) => {
        for (const { history } of project(events).values()) {
          const part = history.slice(0, cut);
          const { run, steps } = stateOf(fold(part));
          const redacted = fold(part.map((each) => ({ ...each, data: redact(each) }) as RecordedEvent));
          expectSame(stateOf(redacted), { run: run && eraseRun(run), steps: steps.map(eraseStep) });

          const erased = history[cut];
          if (erased?.type !== 'run.erased') continue;
          redacted.apply(erased);
          expectSame(stateOf(redacted), stateOf(fold(history.slice(0, cut + 1))));
        }
      }),
      RUNS,
    );
  });
});

function stateOf(replay: Replay): Spine['state'] {
  return { run: replay.run, steps: [...replay.steps.values()] };
}

function statesOf(spines: Map<string, Spine>): Spine['state'][] {
  return [...spines.values()].map((spine) => spine.state);
}

/** Heartbeats move last_seen_at and are not journalled. */
function withoutLife({ run, steps }: Spine['state']): unknown {
  return { run: run && { ...run, last_seen_at: '' }, steps };
}

function sumOf(steps: StepState[], field: keyof MetricTotals): number {
  return steps.reduce((sum, step) => sum + (step.metrics[field] ?? 0), 0);
}

function expectTotal(run: RunState, field: keyof MetricTotals, expected: number): void {
  const total = run.metrics[field] ?? 0;
  // Money is kept to 10⁻¹⁰ dollars; all else is exact.
  const tolerance = field === 'cost_usd' ? 1e-8 : 0;
  expect(Math.abs(total - expected)).toBeLessThanOrEqual(tolerance);
}

/** Strict: own `__proto__` keys and prototypes count. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
  expect(isDeepStrictEqual(actual, expected)).toBe(true);
}
