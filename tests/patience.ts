/**
 * How long tests wait for what must happen.
 *
 * @module
 */

/** How long a test waits for an event before it fails, in milliseconds. */
export const PATIENCE_MS = 20_000;

/** Fails when a promise is not settled in time, saying what it was. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
