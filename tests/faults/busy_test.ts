import { matrix } from "./matrix.ts";

matrix("busy tunnel");
