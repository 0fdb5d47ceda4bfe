import { matrix } from "./matrix.ts";

matrix("idle tunnel");
