/**
 * Which CLIs there are on this machine, and what they can do.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { App, Deps } from "../app.ts";
import type { Executor } from "../executors/mod.ts";
import type { Found } from "../executors/probe.ts";
import { json, problems } from "./answers.ts";

const Style = z.object({
  driver: z.string().openapi({ example: "claude-stdio" }),
  interactive: z.boolean().openapi({ description: "What `interactive` in a new session chooses" }),
  default: z.boolean(),
  capabilities: z.object({
    approvals: z.boolean().openapi({ description: "It asks before it uses a tool" }),
    editable: z.boolean().openapi({ description: "A yes may change what the tool is given" }),
    followUp: z.boolean().openapi({ description: "One process takes one turn after another" }),
    resume: z.boolean().openapi({ description: "It can go on with a session of its own by id" }),
    images: z.boolean(),
  }),
}).openapi("Style");

/** A CLI as the API shows it. */
export const ExecutorInfo = z.object({
  name: z.string().openapi({ example: "claude" }),
  title: z.string().openapi({ example: "Claude Code" }),
  installed: z.boolean().openapi({ description: "It is there and it runs" }),
  path: z.string().nullable(),
  version: z.string().nullable(),
  problem: z.string().nullable().openapi({ description: "Why it cannot be used" }),
  install: z.string().openapi({ description: "Command that installs it" }),
  login: z.string().openapi({ description: "How to log in, when it says that you have not" }),
  modes: z.array(z.object({
    name: z.string(),
    aliases: z.array(z.string()),
    about: z.string(),
    bypass: z.boolean().openapi({ description: "Nothing is asked: it needs --allow-bypass" }),
    allowed: z.boolean(),
  })).openapi({ description: "For `permission_mode`; the first is the default" }),
  extra_args: z.array(z.object({ flag: z.string(), takes_value: z.boolean() })).openapi({
    description: "What `extra_args` may have",
  }),
  styles: z.array(Style).openapi({ description: "Ways of speaking with it" }),
}).openapi("Executor");
/** See {@link ExecutorInfo}. */
export type ExecutorInfo = z.infer<typeof ExecutorInfo>;

const list = createRoute({
  method: "get",
  path: "/executors",
  tags: ["Executors"],
  summary: "List the AI coding CLIs",
  responses: {
    200: json(
      z.object({ executors: z.array(ExecutorInfo) }).openapi("ExecutorList"),
      "All that arpc knows, installed or not",
    ),
    ...problems(),
  },
});

/** Adds the route of executors. */
export function executorRoutes(app: App, { probe, config }: Pick<Deps, "probe" | "config">): void {
  app.openapi(list, async (c) => {
    const executors = await Promise.all(
      probe.executors.map(async (one) => shown(one, await probe.look(one), config.allowBypass)),
    );
    return c.json({ executors }, 200);
  });
}

function shown(executor: Executor, found: Found, allowBypass: boolean): ExecutorInfo {
  const { name, title, install, login, modes, extra, interactive, stream } = executor;
  const style = (one: typeof stream, isInteractive: boolean) => ({
    driver: one.driver,
    interactive: isInteractive,
    default: isInteractive || interactive === undefined,
    capabilities: { ...one.capabilities },
  });
  return {
    name,
    title,
    installed: found.installed !== undefined,
    path: found.path ?? null,
    version: found.installed?.version ?? null,
    problem: found.error ?? null,
    install,
    login,
    modes: modes.map(({ name, aliases = [], about, bypass = false }) => ({
      name,
      aliases: [...aliases],
      about,
      bypass,
      allowed: !bypass || allowBypass,
    })),
    extra_args: Object.entries(extra).map(([flag, takes_value]) => ({ flag, takes_value })),
    styles: [
      ...(interactive === undefined ? [] : [style(interactive, true)]),
      style(stream, false),
    ],
  };
}
