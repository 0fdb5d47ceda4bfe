/**
 * What each CLI has to be told so that it talks with the stub model, gives up soon when that fails,
 * and asks nobody else for anything.
 *
 * @module
 */

import { delimiter, join } from "@std/path";

/**
 * The environment of CLIs that lie in `bin`. Whoever runs the tests has no say in it: it names every
 * folder that one of their own variables could lead to.
 */
export function environment(bin: string, home: string, model: string): Record<string, string> {
  return {
    PATH: [bin, Deno.env.get("PATH") ?? ""].join(delimiter),
    HOME: home,
    USERPROFILE: home,
    TMPDIR: join(home, ".tmp"),
    TEMP: join(home, ".tmp"),
    TMP: join(home, ".tmp"),
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_CACHE_HOME: join(home, ".cache"),
    XDG_DATA_HOME: join(home, ".local/share"),
    XDG_STATE_HOME: join(home, ".local/state"),
    APPDATA: join(home, "AppData/Roaming"),
    LOCALAPPDATA: join(home, "AppData/Local"),
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    NO_COLOR: "1",

    ANTHROPIC_BASE_URL: model,
    ANTHROPIC_API_KEY: "fake",
    CLAUDE_CONFIG_DIR: join(home, ".claude"),
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    CLAUDE_CODE_MAX_RETRIES: "1",
    DISABLE_AUTOUPDATER: "1",

    CODEX_HOME: join(home, ".codex"),

    GOOGLE_GEMINI_BASE_URL: model,
    GEMINI_API_KEY: "fake",
    GEMINI_CLI_TRUST_WORKSPACE: "true",

    OPENAI_BASE_URL: `${model}/v1`,
    OPENAI_API_KEY: "fake",
    OPENAI_MODEL: "stub-model",

    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",

    COPILOT_PROVIDER_BASE_URL: `${model}/v1`,
    COPILOT_PROVIDER_TYPE: "openai",
    COPILOT_PROVIDER_API_KEY: "fake",
    COPILOT_MODEL: "stub-model",
    COPILOT_OFFLINE: "true",
    COPILOT_AUTO_UPDATE: "false",
  };
}

/** Their files, by path below the home folder. */
export function files(model: string): Record<string, string> {
  const json = (value: unknown) => JSON.stringify(value, undefined, 2);
  return {
    // opencode would install the types of its plugins.
    ".config/opencode/.npmrc": "registry=http://127.0.0.1:9/\nfetch-retries=0\n",
    // Else the model is not offered the tools of MCP servers before it has searched for them.
    ".claude/settings.json": json({ env: { ENABLE_TOOL_SEARCH: "false" } }),
    ".codex/config.toml": `
model = "stub-model"
model_provider = "stub"
check_for_update_on_startup = false

[analytics]
enabled = false

[features]
apps = false
plugins = false
remote_plugin = false

[model_providers.stub]
name = "stub"
base_url = "${model}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
`,
    ".gemini/settings.json": json({
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, maxAttempts: 1 },
      privacy: { usageStatisticsEnabled: false },
      security: { auth: { selectedType: "gemini-api-key" } },
      telemetry: { enabled: false },
    }),
    ".qwen/settings.json": json({
      general: { enableAutoUpdate: false },
      model: { name: "stub-model", generationConfig: { maxRetries: 1 } },
      privacy: { usageStatisticsEnabled: false },
      security: { auth: { selectedType: "openai" } },
      telemetry: { enabled: false },
    }),
    ".config/opencode/opencode.json": json({
      autoupdate: false,
      share: "disabled",
      model: "stub/stub-model",
      small_model: "stub/stub-model",
      enabled_providers: ["stub"],
      provider: {
        stub: {
          npm: "@ai-sdk/openai-compatible",
          name: "stub",
          options: { baseURL: `${model}/v1`, apiKey: "fake" },
          models: { "stub-model": { name: "stub", attachment: true, tool_call: true } },
        },
      },
    }),
  };
}
