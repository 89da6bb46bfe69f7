import { expect, it } from '@jest/globals';
import type { Frame } from './frame.js';
import { FrameBuffer } from './frame-buffer.js';

const frame = (sequence: number, bytes = 10, erases = false): Frame => ({
  sequence,
  bytes: Buffer.alloc(bytes),
  ends: false,
  erases,
});

function filled(framesMax: number, bytesMax: number, ...frames: Frame[]): FrameBuffer {
  const buffer = new FrameBuffer(framesMax, bytesMax);
  for (const each of frames) buffer.add(each);
  return buffer;
}

const after = (buffer: FrameBuffer, sequence: number, tip: number) =>
  buffer.after(sequence, tip)?.map((each) => each.sequence);

it('gives what follows a sequence, where it has all of it', () => {
  const buffer = filled(10, 1000, frame(4), frame(5), frame(6));

  expect(after(buffer, 6, 6)).toEqual([]);
  expect(after(buffer, 9, 6)).toEqual([]);
  expect(after(buffer, 5, 6)).toEqual([6]);
  expect(after(buffer, 3, 6)).toEqual([4, 5, 6]);
  expect(after(buffer, 2, 6)).toBeUndefined();
  expect(after(filled(10, 1000), 2, 6)).toBeUndefined();
});

it('keeps a bounded number of frames and bytes, the latest', () => {
  expect(after(filled(2, 1000, frame(1), frame(2), frame(3)), 1, 3)).toEqual([2, 3]);
  expect(after(filled(2, 1000, frame(1), frame(2), frame(3)), 0, 3)).toBeUndefined();
  expect(after(filled(9, 25, frame(1), frame(2), frame(3)), 1, 3)).toEqual([2, 3]);
  expect(after(filled(9, 25, frame(1), frame(2, 26)), 1, 2)).toBeUndefined();
});

it('forgets what came before an erasure, since its text has the payload', () => {
  const buffer = filled(9, 1000, frame(1), frame(2), frame(3, 10, true), frame(4));

  expect(after(buffer, 1, 4)).toBeUndefined();
  expect(after(buffer, 2, 4)).toEqual([3, 4]);
});
