import { copilot } from "../client/command/executors/copilot.ts";
import { acpTests } from "./command_acp.ts";

acpTests({
  executor: copilot,
  shell: "execute",
  scopes: ["once", "session"],
  longer: "session",
  sees: true,
  fast: true,
});
