import { describe, expect, it } from '@jest/globals';
import { EVENT_DEFINITIONS, type RecordedEvent, type TypedData } from '@runspine/contracts';
import { eraseRun, eraseStep, redact } from './erase.js';
import { event, fold, given } from './spine.fixture.js';

const SECRET = 'SECRET';

/** Every event that a run may hold payload in, its payload full of secrets. */
function secretive() {
  const words = { text: SECRET };
  const tags = { [SECRET]: SECRET };
  return given(
    event('run.created', {
      name: SECRET,
      external_id: SECRET,
      command: SECRET,
      cwd: SECRET,
      input: words,
      tags,
      metadata: tags,
    }),
    event('run.started', { note_of_a_newer_producer: SECRET }),
    event('run.annotated', { tags, metadata: tags, scores: [{ name: SECRET, value: 1, comment: SECRET }] }),
    event('step.created', { name: SECRET }),
    event('step.inputs_resolved', { inputs: words }),
    event('step.started'),
    event('step.template_resolved', { template: SECRET, result: SECRET }),
    event('step.provider_called'),
    event('step.provider_responded', { tokens_used: 3 }),
    event('step.retrieved', { query: SECRET, hits: [{ id: SECRET, score: 1 }] }),
    event('step.failed', { error: { message: SECRET }, metrics: { rows_in: 2, note: SECRET } }),
    event('step.started', { attempt: 2 }),
    event('step.completed', { output: words }),
    event('step.created', { step_id: `step_${'3'.repeat(32)}`, name: SECRET }),
    event('step.skipped', { step_id: `step_${'3'.repeat(32)}`, reason: SECRET }),
    event('run.failed', { error: { message: SECRET, detail: words } }),
  );
}

describe('erasure', () => {
  it('leaves no payload in the state and keeps ids, times, states and measures', () => {
    const spine = secretive();
    const before = spine.state;
    spine.submit(event('run.erased'));
    expect(JSON.stringify(spine.state)).not.toContain(SECRET);
    expect(spine.run).toMatchObject({
      status: 'failed',
      version: before.run!.version + 1,
      erased_at: spine.last.time,
      metrics: { tokens: 3, llm_calls: 1, rows_in: 0 },
      created_at: before.run!.created_at,
      ended_at: before.run!.ended_at,
    });
    expect(spine.state.steps.map((step) => step.status)).toEqual(['completed', 'skipped']);
  });

  it('leaves no payload in redacted events, not even in fields that we do not know', () => {
    const redacted = secretive().history.map(redact);
    expect(JSON.stringify(redacted)).not.toContain(SECRET);
    expect(redacted[10]).toMatchObject({ metrics: { rows_in: 2 } });
  });

  it('the redacted history folds to the erased state', () => {
    const spine = secretive();
    const kept = spine.history.map((each) => ({ ...each, data: redact(each) }) as RecordedEvent);
    const before = spine.state;
    const folded = fold(kept);
    expect(folded.run).toEqual(eraseRun(before.run!));
    expect([...folded.steps.values()]).toEqual(before.steps.map(eraseStep));

    spine.submit(event('run.erased'));
    folded.apply(spine.last);
    expect(folded).toEqual(spine.replay);
  });

  it('may be repeated, and what is said afterwards stays', () => {
    const spine = secretive();
    spine.submit(event('run.erased'));
    spine.submit(event('run.annotated', { tags: { after: SECRET } }));
    expect(spine.run.tags).toEqual({ after: SECRET });
    spine.submit(event('run.erased'));
    expect(spine.run.tags).toEqual({});
  });

  it.each(EVENT_DEFINITIONS.map((definition) => definition.type))(
    '%s keeps all that its definition calls no payload',
    (type) => {
      const { data } = event(type);
      const definition = EVENT_DEFINITIONS.find((each) => each.type === type)!;
      const payload: readonly string[] = definition.payload;
      expect(redact({ type, data } as TypedData)).toEqual(
        Object.fromEntries(Object.entries(data).filter(([field]) => !payload.includes(field))),
      );
    },
  );
});
