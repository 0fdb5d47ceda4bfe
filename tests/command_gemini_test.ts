import { gemini } from "../client/command/executors/gemini.ts";
import { acpTests } from "./command_acp.ts";

acpTests({
  executor: gemini,
  shell: "run_shell_command",
  scopes: ["once", "session"],
  longer: "session",
  losesCalls: true,
  losesTrack: true,
  sees: true,
  fast: true,
});
