/**
 * How a service's process is kept small: young objects in 8 MB halves, since batches that wait survive collections and
 * larger halves only wait longer; and two malloc arenas, since buffers come and go on several threads.
 */
export const SERVICE_FLAGS: readonly string[] = ['--max-semi-space-size=8', ...(process.env.XF?.split(' ') ?? [])];
export const SERVICE_ENV: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '2' };
