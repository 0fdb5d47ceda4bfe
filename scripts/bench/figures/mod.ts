/**
 * What a figure is, and the list of them. A new figure is one file here and one line in `FIGURES`.
 * @module
 */
import type { Bench } from "../bench.ts";
import type { Peer } from "../peers/mod.ts";
import type { Row } from "../report/row.ts";
import { bulk } from "./bulk.ts";
import { burst } from "./burst.ts";
import { connections } from "./connections.ts";
import { download } from "./download.ts";
import { idle } from "./idle.ts";
import { keepAlive } from "./keepalive.ts";
import { memory } from "./memory.ts";
import { postgres } from "./postgres.ts";

/** One thing to measure. */
export interface Figure {
  name: string;
  /** Programs without which it cannot be measured, beside those of the peers. */
  needs: string[];
  run(bench: Bench, peers: Peer[]): Promise<Row[]>;
}

/** All figures, in the order of the table's rows. */
export const FIGURES: Figure[] = [
  bulk,
  download,
  connections,
  keepAlive,
  postgres,
  memory,
  burst,
  idle,
];
