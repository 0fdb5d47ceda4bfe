/**
 * The database of command mode: `sessions.db` in the state folder.
 *
 * @module
 */

/** The open database; one process at a time. */
export class Store implements Disposable {
  /** @param path file to open, made if missing; `":memory:"` in tests. */
  constructor(readonly path: string) {}

  [Symbol.dispose](): void {}
}
