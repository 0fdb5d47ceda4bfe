/**
 * A home folder for tests, with the sessions of CLIs in it.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { type Environment, HISTORIES, type History } from "../mod.ts";

/** No variable is set. */
export const nothing: Environment = () => undefined;

/** Text of a fixture. */
export function fixture(name: string): string {
  return Deno.readTextFileSync(join(import.meta.dirname!, name));
}

/** Records as lines. */
export function jsonl(...records: readonly unknown[]): string {
  return records.map((record) => JSON.stringify(record) + "\n").join("");
}

/** A home folder; disposing removes it. */
export class Home implements Disposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "arp-history-" }));

  /** A path in it. */
  at(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /** Writes a file. @param seconds when it was written. @returns its path. */
  write(name: string, content: string | Uint8Array, seconds?: number): string {
    const path = this.at(...name.split("/"));
    Deno.mkdirSync(dirname(path), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    if (seconds !== undefined) Deno.utimeSync(path, seconds, seconds);
    return path;
  }

  /** Makes a database out of statements; it is closed again. */
  database(name: string, sql: string): string {
    const path = this.write(name, "");
    using db = new DatabaseSync(path);
    db.exec("PRAGMA journal_mode = WAL");
    db.exec(sql);
    return path;
  }

  /** The history of a CLI in it. */
  history(cli: string, env: Environment = nothing): History {
    return HISTORIES[cli]!.open(this.path, env);
  }

  /** Everything in it: paths with sizes, times and contents. */
  everything(folder: string = this.path): string[] {
    return [...Deno.readDirSync(folder)].flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory) return this.everything(path);
      const { size, mtime } = Deno.lstatSync(path);
      const content = entry.isFile ? Deno.readFileSync(path).toBase64() : "";
      return [`${path} ${size} ${mtime?.getTime()} ${content}`];
    }).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
