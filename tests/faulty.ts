export { FaultyRelay } from "./faults/relay.ts";
