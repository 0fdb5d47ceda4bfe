import { matrix } from "./matrix.ts";

matrix("visitor");
