import { qwen } from "../client/command/executors/qwen.ts";
import { acpTests } from "./command_acp.ts";

acpTests({
  executor: qwen,
  shell: "run_shell_command",
  scopes: ["once", "always"],
  longer: "always",
});
