import { matrix } from "./matrix.ts";

matrix("control");
