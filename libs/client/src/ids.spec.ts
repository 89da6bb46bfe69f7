import { describe, expect, it } from '@jest/globals';
import { affinityOf, isRunId, isStepId, newEventId, newRunId, newStepId } from './ids.js';

describe('ids', () => {
  it('have the form of their kind, and their affinity from the room', () => {
    expect(isRunId(newRunId()) && isStepId(newStepId())).toBe(true);
    expect(newEventId(1)).toMatch(/^00000000-0001-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(affinityOf({ tenant: 't', env: 'e', room: 'r' })).toBe(affinityOf({ tenant: 't', env: 'e', room: 'r' }));
    expect(affinityOf({ tenant: 't', env: 'e' })).toMatch(/^[0-9a-f]{8}$/);
    expect(newRunId('0a0b0c0d', 255)).toMatch(/^run_0000000000ff0a0b0c0d[0-9a-f]{12}$/);
  });
});
