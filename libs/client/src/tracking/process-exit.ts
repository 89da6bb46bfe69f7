const leaving = new Set<() => void>();
let listening = false;

/** Runs `work`, synchronous, when the process exits. @returns what takes it back. */
export function onExit(work: () => void): () => void {
  if (!listening) {
    listening = true;
    process.on('exit', () => leaving.forEach((each) => each()));
  }
  leaving.add(work);
  return () => leaving.delete(work);
}
