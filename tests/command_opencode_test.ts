import { opencode } from "../client/command/executors/opencode.ts";
import { acpTests } from "./command_acp.ts";

acpTests({
  executor: opencode,
  shell: "execute",
  scopes: ["once", "session"],
  longer: "session",
  gaveUp: /permission requested: bash .*auto-rejecting/,
});
