export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'grey' | 'bold';
/** Text in a colour, where there is a terminal and NO_COLOR is not set. */
export function paint(colour: Colour, text: string): string;
/** One line to the terminal. */
export function say(line?: string): void;
/** A step that may take a while: says what is being done, and when it is done how long it took. */
export function step<T>(doing: string, work: () => T | Promise<T>): Promise<T>;
/** A fault that the reader can mend: its message says how, so it is shown without a stack. */
export class Advice extends Error {}
/** Shows why it cannot go on: an Advice as written, anything else with its stack. */
export function showFault(error: unknown): void;
