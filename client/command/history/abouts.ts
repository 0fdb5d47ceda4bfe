/**
 * What files were found to say, until they change.
 *
 * @module
 */

import { Recent } from "@agentx/common";
import type { About, SessionFile } from "./listing.ts";
import { Source } from "./source.ts";

/** How many files are remembered: a few hundred bytes each. */
const FILES = 20_000;

/** Looks into files, each only once. */
export class Abouts {
  readonly #known = new Recent<string, { mtime: number; size: number; about: About | undefined }>(
    FILES,
  );

  /** @param look what the open file says. */
  constructor(
    private readonly look: (source: Source, file: SessionFile) => Promise<About | undefined>,
  ) {}

  /** See {@linkcode FileStore.about}. */
  async of(file: SessionFile): Promise<About | undefined> {
    const { path, mtime, size } = file;
    const known = this.#known.get(path);
    if (known?.mtime === mtime && known.size === size) return known.about;
    using source = await Source.open(path);
    if (source === undefined) return undefined;
    const about = await this.look(source, file);
    this.#known.set(path, { mtime, size, about });
    return about;
  }
}
