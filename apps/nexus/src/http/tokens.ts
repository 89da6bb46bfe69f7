/** What the process holds open, by name, for injection. */
export const LOGGER = Symbol('logger');
