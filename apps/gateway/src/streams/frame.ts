import { canonicalize, type RecordedEvent } from '@runspine/contracts';
import { type EventAttributes, eventText, type JournalEntry, type StreamTarget } from '@runspine/projections';
import { endsRun } from '@runspine/run-model';

/** An event as bytes of a stream, made once for all who read it. */
export interface Frame {
  /** The room's sequence, or the run's. */
  readonly sequence: number;
  readonly bytes: Buffer;
  /** Nothing of a run's stream comes after it. */
  readonly ends: boolean;
  /** The payloads of its run are gone from now on: nothing older may be kept. */
  readonly erases: boolean;
}

/** The frame of an entry of the journal. */
export function frameOfEntry(kind: StreamTarget['kind'], entry: JournalEntry): Frame {
  return frame(kind, entry, eventText(entry, entry.data));
}

/** The text of an event from the feed, the same as the journal's. */
export function textOfEvent(event: RecordedEvent): string {
  return eventText(event, canonicalize(event.data));
}

/** The frame of an event whose text is known. */
export function frame(kind: StreamTarget['kind'], event: EventAttributes, text: string): Frame {
  const sequence = kind === 'room' ? event.room_sequence! : event.run_sequence;
  return {
    sequence,
    bytes: Buffer.from(`id: ${sequence}\nevent: ${event.type}\ndata: ${text}\n\n`),
    ends: kind === 'run' && endsRun(event.type as RecordedEvent['type']),
    erases: event.type === 'run.erased',
  };
}
