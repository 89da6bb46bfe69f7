import type { Frame } from './frame.js';

/** The latest frames of a stream, without gaps, in bounded memory: who is only a little behind needs no journal. */
export class FrameBuffer {
  private frames: Frame[] = [];
  private bytes = 0;

  constructor(
    private readonly framesMax: number,
    private readonly bytesMax: number,
  ) {}

  /** Adds the next frame; an erasure takes everything before it away. */
  add(frame: Frame): void {
    const last = this.frames.at(-1);
    if (frame.erases || (last && last.sequence + 1 !== frame.sequence)) this.clear();
    this.frames.push(frame);
    this.bytes += frame.bytes.length;
    while (this.frames.length > this.framesMax || this.bytes > this.bytesMax) {
      const oldest = this.frames.shift();
      if (!oldest) return;
      this.bytes -= oldest.bytes.length;
    }
  }

  /** The frames after a sequence, where all of them up to `tip` are here. */
  after(sequence: number, tip: number): readonly Frame[] | undefined {
    if (sequence >= tip) return [];
    const first = this.frames[0];
    if (!first || first.sequence > sequence + 1) return undefined;
    return this.frames.slice(sequence + 1 - first.sequence);
  }

  private clear(): void {
    this.frames = [];
    this.bytes = 0;
  }
}
