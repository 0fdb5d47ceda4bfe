import { matrix } from "./matrix.ts";

matrix("service");
