/**
 * @module
 */

import denoJson from "./deno.json" with { type: "json" };

/** Version of the program. */
export const VERSION: string = denoJson.version;
