/**
 * A Dockerfile without an engine: which files an image gets, which commands make it, and how it is
 * started, so that all of that can be tried in a folder.
 *
 * @module
 */

import { dirname, join, posix } from "@std/path";

/** What one target comes to, what it stands on included. */
export interface Image {
  /** Files of the context that are copied, and where to. */
  copies: { from: string; to: string }[];
  /** Commands of RUN, in order. */
  runs: string[];
  env: Record<string, string>;
  workdir: string;
  user: string;
  entrypoint: string[];
  health: string[];
  /** All instructions as they stand there. */
  instructions: string[];
}

/** Reads the stages up to `target`. */
export function readImage(dockerfile: string, target: string): Image {
  const stages = new Map<string, Image>();
  let image: Image | undefined;
  for (const instruction of instructions(dockerfile)) {
    const [, word = "", rest = ""] = /^(\S+)\s+(.*)$/s.exec(instruction) ?? [];
    if (word === "FROM") {
      const [, base = "", name = ""] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      image = structuredClone(stages.get(base) ?? EMPTY);
      stages.set(name, image);
    } else if (image !== undefined) {
      image.instructions.push(instruction);
      apply(image, word, rest);
    }
  }
  const found = stages.get(target);
  if (found === undefined) throw new Error(`Cannot find the stage ${target}`);
  return found;
}

const EMPTY: Image = {
  copies: [],
  runs: [],
  env: {},
  workdir: "/",
  user: "root",
  entrypoint: [],
  health: [],
  instructions: [],
};

/** Joined over the ends of lines, without comments. */
function instructions(dockerfile: string): string[] {
  return dockerfile.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, "").split("\n")
    .map((line) => line.trim()).filter((line) => line !== "");
}

function apply(image: Image, word: string, rest: string): void {
  if (word === "COPY" && !rest.startsWith("--from=")) {
    const [to = "", ...from] = rest.split(/\s+/).reverse();
    const folder = to.endsWith("/") || from.length > 1;
    for (const one of from.reverse()) {
      const name = folder ? join(to, one.split("/").at(-1)!) : to;
      image.copies.push({ from: one, to: posix.resolve(image.workdir, name) });
    }
  } else if (word === "RUN") image.runs.push(rest);
  else if (word === "ENV") {
    for (const [, name = "", value = ""] of rest.matchAll(/(\w+)=(\S+)/g)) image.env[name] = value;
  } else if (word === "WORKDIR") image.workdir = rest;
  else if (word === "USER") image.user = rest;
  else if (word === "ENTRYPOINT") image.entrypoint = JSON.parse(rest);
  else if (word === "HEALTHCHECK" && rest !== "NONE") {
    image.health = JSON.parse(rest.slice(rest.indexOf("CMD ") + 4));
  }
}

/** Which files of a context an engine gets to see: the last pattern of `.dockerignore` counts. */
export function dockerIgnore(text: string): (path: string) => boolean {
  const patterns = text.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ keep: line.startsWith("!"), glob: line.replace(/^!/, "") }))
    .map(({ keep, glob }) => ({ keep, pattern: globPattern(glob) }));
  return (path) => {
    const parts = path.split("/");
    const parents = parts.map((_, at) => parts.slice(0, at + 1).join("/"));
    const last = patterns.findLast(({ pattern }) => parents.some((one) => pattern.test(one)));
    return last === undefined || last.keep;
  };
}

function globPattern(glob: string): RegExp {
  const text = glob.split(/(\*\*\/|\*)/).map((part) =>
    part === "**/" ? "(?:.*/)?" : part === "*" ? "[^/]*" : RegExp.escape(part)
  ).join("");
  return new RegExp(`^${text}$`);
}

/** Copies what an image gets of the context into a folder that stands for its root. */
export async function copyInto(root: string, image: Image, context: string): Promise<void> {
  const seen = dockerIgnore(await Deno.readTextFile(join(context, ".dockerignore")));
  for (const { from, to } of image.copies) {
    let copied = 0;
    for await (const file of filesOf(context, from)) {
      if (!seen(file)) continue;
      const place = join(root, to, file.slice(from.length));
      await Deno.mkdir(dirname(place), { recursive: true });
      await Deno.copyFile(join(context, file), place);
      copied++;
    }
    // An engine ends here with an error.
    if (copied === 0) throw new Error(`Cannot copy ${from}: .dockerignore leaves nothing of it`);
  }
}

async function* filesOf(context: string, path: string): AsyncGenerator<string> {
  if ((await Deno.stat(join(context, path))).isFile) return yield path;
  for await (const { name } of Deno.readDir(join(context, path))) {
    yield* filesOf(context, `${path}/${name}`);
  }
}
