/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * The page.
 *
 * @module
 */

import { render } from "preact";
import { App } from "./app.tsx";
import { store } from "./store.ts";

render(<App />, document.getElementById("app")!);
void store.run();
