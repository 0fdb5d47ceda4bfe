/**
 * The images, the compose file and the Kubernetes manifests, with the programs that know what such
 * files may say; and what an engine would do with them, done in a folder: the files that an image
 * gets, under its user, started as it starts.
 *
 * @module
 */

import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert/strict";
import { configFile, resolve, V8_FLAGS, variable } from "@agentx/common/cli";
import { dirname, join } from "@std/path";
import { parse, parseAllDocuments } from "yaml";
import { clientConfig } from "../client/config.ts";
import { OPTIONS as CLIENT } from "../client/options.ts";
import { serverConfig } from "../server/config.ts";
import { OPTIONS as SERVER } from "../server/options.ts";
import { copyInto, dockerIgnore, type Image, readImage } from "./dockerfile.ts";
import { PATIENCE_MS, Program, WHOLE_PROGRAM, within } from "./helpers.ts";
import { peer, peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { httpService } from "./services.ts";
import { freePort } from "./ports.ts";

const ROOT = dirname(import.meta.dirname ?? ".");
const IN_VENV = "see provide_checkers in .ci/run";
const hadolint = peer("hadolint", IN_VENV);
const checkSchema = peer("check-jsonschema", IN_VENV);
const kubernetes = peer("kubernetes-validate", IN_VENV);
const openssl = peer("openssl", "apt-get install openssl");
const curl = peer("curl", "apt-get install curl");
const files = [{ name: "read" }] as const;

async function run(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: ROOT,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout) + decoder.decode(stderr);
  strictEqual(code, 0, text);
  return text;
}

const read = (path: string) => Deno.readTextFile(join(ROOT, path));

/** The manifests by file, as Kubernetes reads them: YAML 1.1, in which 0440 is octal. */
// deno-lint-ignore no-explicit-any -- of many kinds
async function manifests(): Promise<Map<string, any[]>> {
  const found = new Map();
  for (const { name } of Deno.readDirSync(join(ROOT, "deploy/kubernetes"))) {
    if (!name.endsWith(".yaml")) continue;
    const documents = parseAllDocuments(await read(`deploy/kubernetes/${name}`), {
      version: "1.1",
    });
    found.set(name, [...documents].map((one) => one.toJS()));
  }
  return found;
}

// ------------------------------------------------------------------------------------- linters

peerTest(
  { name: "hadolint accepts the Dockerfile", peers: [hadolint], permissions: files },
  async () => {
    strictEqual(await run(hadolint.path, "--no-color", "Dockerfile"), "");
  },
);

peerTest(
  { name: "the compose file is one", peers: [checkSchema], permissions: files },
  async () => {
    const schema = ["--builtin-schema", "vendor.compose-spec"];
    match(await run(checkSchema.path, ...schema, "deploy/compose.yaml"), /^ok/);
  },
);

peerTest(
  { name: "the schemas for editors are schemas", peers: [checkSchema], permissions: files },
  async () => {
    const schemas = ["schemas/arps.schema.json", "schemas/arpc.schema.json"];
    match(await run(checkSchema.path, "--check-metaschema", ...schemas), /^ok/);
  },
);

peerTest(
  { name: "Kubernetes knows each field of the manifests", peers: [kubernetes], permissions: files },
  async () => {
    const names = [...(await manifests()).keys()].filter((name) => name !== "kustomization.yaml");
    const paths = names.map((name) => `deploy/kubernetes/${name}`);
    const text = await run(kubernetes.path, "--strict", ...paths);
    strictEqual(text.match(/ passed for resource /g)?.length, 10, text);
  },
);

// ------------------------------------------------------------- what the files say to each other

peerTest(
  { name: "the images start the programs with their flags of V8", permissions: files },
  async () => {
    const dockerfile = await read("Dockerfile");
    for (const [target, entry] of [["arps", "server/main.ts"], ["arpc", "client/main.ts"]]) {
      const { entrypoint, user, instructions } = readImage(dockerfile, target!);
      ok(entrypoint.includes(`--v8-flags=${V8_FLAGS.join(",")}`));
      strictEqual(entrypoint.at(-1), entry);
      strictEqual(user, "65532:65532");
      ok(instructions.includes("STOPSIGNAL SIGTERM"));
      ok(!entrypoint.includes("--allow-run") && !entrypoint.includes("--allow-all"));
    }
    const { copies } = readImage(dockerfile, "arps");
    deepStrictEqual(copies.map(({ to }) => to), [
      "/opt/arp/deno.json",
      "/opt/arp/deno.lock",
      "/opt/arp/common",
      "/opt/arp/deploy/health.ts",
      "/opt/arp/deploy/trim.ts",
      "/opt/arp/client/deno.json",
      "/opt/arp/server",
    ]);
    match(dockerfile, new RegExp(`^ARG DENO_VERSION=${RegExp.escape(Deno.version.deno)}$`, "m"));
  },
);

Deno.test("dockerIgnore() lets the last pattern count, for a folder and all in it", () => {
  const seen = dockerIgnore("# all\n*\n!server\n!deploy/health.ts\n**/*_test.ts\n**/testdata\n");
  for (const path of ["server/main.ts", "server/a/b.ts", "deploy/health.ts"]) ok(seen(path), path);
  for (
    const path of [
      "README.md",
      ".git/config",
      "deploy/secrets/tls.key",
      "server/main_test.ts",
      "server/a/testdata/x.json",
      "server_key.pem",
    ]
  ) ok(!seen(path), path);
});

/** What a program makes of variables, the files they name replaced by secrets. */
function settings(prefix: string, env: Record<string, string>): Record<string, unknown> {
  const options = prefix === "ARPS" ? SERVER : CLIENT;
  const known = new Set(Object.keys(options).map((key) => variable(prefix, key)));
  const own = Object.keys(env).filter((name) => name.startsWith(`${prefix}_`));
  deepStrictEqual(own.filter((name) => !known.has(name)), [], "variables that nobody reads");
  return resolve(options, [{
    describe: (key) => variable(prefix, key),
    get: (key) => env[variable(prefix, key)],
  }]);
}

peerTest(
  { name: "the compose file says what its programs understand", permissions: files },
  async () => {
    const compose = parse(await read("deploy/compose.yaml"), { merge: true });
    const { arps, arpc, web } = compose.services;
    const server = serverConfig(settings("ARPS", arps.environment) as never);
    // Its file is read when the configuration is made, and is not there yet.
    const { ARPC_TLS_CA: ca, ...others } = arpc.environment;
    strictEqual(settings("ARPC", { ARPC_TLS_CA: ca })["tls-ca"], ca);
    const client = clientConfig(settings("ARPC", others) as never, () => "none");
    deepStrictEqual(
      arps.ports,
      [server.controlPort, server.proxyPort, server.publicPort].map((port) => `${port}:${port}`),
    );
    strictEqual(client.serverAddr, "arps");
    strictEqual(client.localAddr, "web");
    for (const [service, grace] of [[arps, server.graceSeconds], [arpc, client.grace / 1000]]) {
      ok(parseInt(service.stop_grace_period) > grace, "the end comes before the grace is over");
      for (const path of Object.values<string>(service.environment)) {
        const [, name] = /^\/run\/secrets\/(.*)$/.exec(path) ?? [];
        if (name !== undefined) ok(service.secrets.includes(name) && compose.secrets[name], name);
      }
    }
    for (const service of [arps, arpc, web]) {
      strictEqual(service.read_only, true);
      deepStrictEqual([service.cap_drop, service.security_opt], [["ALL"], [
        "no-new-privileges:true",
      ]]);
      ok(service.deploy.resources.limits.memory && service.deploy.resources.limits.pids);
    }
    strictEqual(web.ports, undefined, "the sample is published");
    ok(readImage(await read("Dockerfile"), arpc.depends_on.arps && "arps").health.length > 0);
  },
);

peerTest(
  { name: "the manifests belong together", permissions: [...files, { name: "write" }] },
  async () => {
    const all = await manifests();
    const [kustomization] = all.get("kustomization.yaml")!;
    const parts = [...all.keys()].filter((name) => !/^kustomization|\.example\.yaml$/.test(name));
    deepStrictEqual([...kustomization.resources].sort(), parts.sort());
    const [generator] = kustomization.configMapGenerator;
    const { version } = JSON.parse(await read("server/deno.json"));
    deepStrictEqual(kustomization.images, [{ name: "arps", newName: "arps", newTag: version }]);

    const [deployment] = all.get("deployment.yaml")!;
    const pod = deployment.spec.template.spec;
    const [container] = pod.containers;
    strictEqual(
      pod.volumes.find(({ name }: { name: string }) => name === "config").configMap.name,
      generator.name,
    );

    // What the program makes of its file, but for the secrets, which are not there to be read.
    const text = await read(`deploy/kubernetes/${generator.files[0]}`);
    const secrets = [...text.matchAll(/= "\/etc\/arp\/secrets\/(.*)"$/gm)].map(([, name]) => name!);
    const [secret] = all.get("secret.example.yaml")!;
    deepStrictEqual(secrets.sort(), Object.keys(secret.stringData).sort());
    const path = await Deno.makeTempFile({ suffix: ".toml" });
    await Deno.writeTextFile(
      path,
      text.replace(/^admin-key-file = .*$/m, 'admin-key = "not-read-here"'),
    );
    const config = serverConfig(resolve(SERVER, [await configFile(path, SERVER)]));
    await Deno.remove(path);
    const ports = { ...config, adminPort: config.admin?.port };
    deepStrictEqual(
      container.ports.map(({ containerPort }: { containerPort: number }) => containerPort),
      [ports.controlPort, ports.proxyPort, ports.publicPort, ports.adminPort],
    );
    const { seconds } = container.lifecycle.preStop.sleep;
    ok(pod.terminationGracePeriodSeconds > config.graceSeconds + seconds);
    const named = new Set(container.ports.map(({ name }: { name: string }) => name));
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
      const { port, scheme } = container[probe].httpGet;
      deepStrictEqual([port, scheme], ["admin", config.admin?.tls ? "HTTPS" : "HTTP"]);
    }
    for (const service of all.get("service.yaml")!) {
      for (const { targetPort } of service.spec.ports) ok(named.has(targetPort), targetPort);
      deepStrictEqual(service.spec.selector, deployment.spec.selector.matchLabels);
    }
    const [network] = all.get("network.yaml")!;
    deepStrictEqual(network.spec.podSelector, deployment.spec.selector);

    const examples = all.get("sidecar.example.yaml")!;
    const sidecar = examples.find(({ kind }) => kind === "Deployment");
    const claim = examples.find(({ kind }) => kind === "PersistentVolumeClaim");
    for (const { spec } of [deployment.spec.template, sidecar.spec.template]) {
      deepStrictEqual([spec.enableServiceLinks, spec.automountServiceAccountToken], [false, false]);
      const { runAsNonRoot, runAsUser, seccompProfile } = spec.securityContext;
      deepStrictEqual([runAsNonRoot, runAsUser, seccompProfile.type], [
        true,
        65532,
        "RuntimeDefault",
      ]);
      for (const one of [...spec.initContainers ?? [], ...spec.containers]) {
        deepStrictEqual(one.securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        ok(one.resources.limits.memory && one.resources.requests.cpu);
      }
    }
    const [arpc] = sidecar.spec.template.spec.initContainers;
    const env = Object.fromEntries(
      arpc.env.map(({ name, value = "x" }: { name: string; value?: string }) => [name, value]),
    );
    clientConfig(settings("ARPC", env) as never, () => "none");
    const state = arpc.volumeMounts.find(({ mountPath }: { mountPath: string }) =>
      mountPath === "/home/arp/.arp-client"
    );
    deepStrictEqual(
      sidecar.spec.template.spec.volumes.find(({ name }: { name: string }) => name === state.name)
        .persistentVolumeClaim.claimName,
      claim.metadata.name,
    );
    strictEqual(sidecar.spec.strategy.type, "Recreate", "two pods would wait for one volume");
  },
);

peerTest({
  name: "what is commented out in the compose file is right as well",
  permissions: [...files, { name: "write" }],
  peers: [checkSchema],
}, async () => {
  const text = (await read("deploy/compose.yaml")).replaceAll(/^( +)#(?=\S)/gm, "$1");
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, text);
    const schema = ["--builtin-schema", "vendor.compose-spec"];
    match(await run(checkSchema.path, ...schema, path), /^ok/);
  } finally {
    await Deno.remove(path);
  }
  const { services: { arps, arpc }, secrets } = parse(text, { merge: true });
  const { ARPS_ADMIN_KEY_FILE: keyFile, ...env } = arps.environment;
  const [, name] = /^\/run\/secrets\/(.*)$/.exec(keyFile)!;
  ok(arps.secrets.includes(name) && secrets[name!], name);
  const dockerfile = readImage(await read("Dockerfile"), "arps");
  const all = { ...dockerfile.env, ...env, ARPS_ADMIN_KEY: "not-read-here" };
  const { admin } = serverConfig(settings("ARPS", all) as never);
  deepStrictEqual([admin?.tls, arps.ports[0]], [
    true,
    `127.0.0.1:${admin?.port}:${admin?.port}`,
  ]);
  strictEqual(admin?.port, 17009, "the one that the documentation names");
  const { ARPC_TLS_CA: _, ...client } = arpc.environment;
  ok(clientConfig(settings("ARPC", client) as never, () => "none").requireVisitorToken);
});

peerTest({ name: "arpc by its name is what the image starts", permissions: files }, async () => {
  const { entrypoint, workdir, copies } = readImage(await read("Dockerfile"), "arpc");
  const script = await read("deploy/arpc.sh");
  ok(copies.some(({ from, to }) => from === "deploy/arpc.sh" && to === "/usr/local/bin/arpc"));
  ok(((await Deno.stat(join(ROOT, "deploy/arpc.sh"))).mode ?? 0o111) & 0o100, "not executable");
  match(script, new RegExp(`^cd ${workdir} `, "m"));
  const [, command = ""] = /^exec (.*) "\$@"$/m.exec(script) ?? [];
  deepStrictEqual(command.replaceAll("'", "").split(" "), entrypoint);
});

// ----------------------------------------------------------------- what an engine would do

/** An image, built into a folder that stands for the root of its file system. */
class Built implements AsyncDisposable {
  private constructor(readonly image: Image, readonly root: string) {}

  static async build(target: string): Promise<Built> {
    const root = await Deno.makeTempDir({ prefix: "arp-image-" });
    await Deno.chmod(root, 0o755);
    const built = new Built(readImage(await read("Dockerfile"), target), root);
    try {
      await copyInto(root, built.image, ROOT);
      for (const command of built.image.runs.filter((one) => one.startsWith("deno "))) {
        for (const step of command.split(" && ")) await built.#step(step);
      }
    } catch (error) {
      await built[Symbol.asyncDispose]();
      throw error;
    }
    return built;
  }

  /** A command of the build, as its user. */
  async #step(command: string): Promise<void> {
    const [, ...args] = command.split(/\s+/);
    // How packages are reached from here is this machine's affair.
    const options = { ...this.#options(args, {}), clearEnv: false };
    const { success, stderr } = await new Deno.Command(Deno.execPath(), options).output();
    ok(success, new TextDecoder().decode(stderr));
  }

  /** How a command of the image is started here: all its folders lie below the root of it. */
  #options(args: readonly string[], env: Record<string, string>): Deno.CommandOptions {
    const below = (text: string) =>
      text.replaceAll(
        /(?<=^|[=,])\/(?:opt|etc\/arp|run\/secrets|var\/log|home)\b/g,
        `${this.root}$&`,
      );
    return {
      args: args.map(below),
      cwd: join(this.root, this.image.workdir),
      env: Object.fromEntries(
        Object.entries({ ...this.image.env, ...env }).map(([key, value]) => [key, below(value)]),
      ),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    };
  }

  /** Nobody in particular, if this is somebody who may become that. */
  get #user(): Pick<Deno.CommandOptions, "uid" | "gid"> {
    const [uid, gid] = this.image.user.split(":").map(Number);
    return Deno.uid() === 0 ? { uid: uid!, gid: gid! } : {};
  }

  /** Starts it, as an engine would. */
  start(args: readonly string[], env: Record<string, string>): Program {
    const [, ...entrypoint] = this.image.entrypoint;
    return new Program("", [], [], {}, {
      ...this.#options([...entrypoint, ...args], env),
      ...this.#user,
    });
  }

  /** Runs its check. */
  async health(env: Record<string, string>): Promise<number> {
    const [, ...args] = this.image.health;
    const options = { ...this.#options(args, env), ...this.#user };
    return (await new Deno.Command(Deno.execPath(), options).output()).code;
  }

  /** Mounts a file of the host, with its mode and owner. */
  async mount(path: string, from: string): Promise<void> {
    const place = join(this.root, path);
    await Deno.mkdir(dirname(place), { recursive: true });
    await Deno.copyFile(from, place);
    const { uid, gid } = await Deno.stat(from);
    if (Deno.uid() === 0) await Deno.chown(place, uid, gid);
  }

  /** Mounts an empty volume, which the image has given to its user. */
  async volume(path: string): Promise<void> {
    await Deno.mkdir(join(this.root, path), { recursive: true });
    await Deno.chmod(join(this.root, path), 0o700);
    const { uid = null, gid = null } = this.#user;
    if (uid !== null) await Deno.chown(join(this.root, path), uid, gid);
  }

  /** Runs what `docker exec` would: a script of the image, and what that starts. */
  async exec(command: string, env: Record<string, string>): Promise<string> {
    const [word = "", ...args] = command.split(" ");
    const options = this.#options([], env);
    const text = await Deno.readTextFile(join(this.root, "usr/local/bin", word));
    const below = text.replaceAll(
      /(?<=[ =,])\/(?:opt|etc\/arp|run|var\/log|home)\b/g,
      `${this.root}$&`,
    );
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      ...options,
      args: ["-c", below, word, ...args],
      env: { ...options.env, PATH: `${dirname(Deno.execPath())}:/usr/bin:/bin` },
      ...this.#user,
    }).output();
    strictEqual(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trimEnd();
  }

  /** All files with the times of their last change. */
  async snapshot(folder = this.root): Promise<string[]> {
    const found: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      // What is written there outlives the container.
      if (name === ".arp-client") continue;
      if (isDirectory) found.push(...await this.snapshot(path));
      else found.push(`${path} ${(await Deno.stat(path)).mtime?.getTime()}`);
    }
    return found.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

peerTest({
  name:
    "the images work together as the compose file has them: over TLS, unprivileged, writing nothing",
  permissions: WHOLE_PROGRAM,
  peers: [openssl, curl],
  os: ["linux"],
}, async () => {
  const compose = await read("deploy/compose.yaml");
  const { services, secrets } = parse(compose, { merge: true });
  const [first, second] = await Promise.all([Built.build("arps"), Built.build("arpc")]);
  await using arps = first;
  await using arpc = second;
  // The secrets, made as the file says that they are.
  const folder = join(arps.root, "host");
  await Deno.mkdir(folder);
  const commands = compose.match(
    /(?<=^# {3})(?:mkdir|openssl|chmod|sudo chown| {2}-addext).*$/gm,
  )!.join("\n").replace(/^sudo (.*)$/m, Deno.uid() === 0 ? "$1" : "");
  const made = await new Deno.Command("sh", { args: ["-ec", commands], cwd: folder }).output();
  ok(made.success, new TextDecoder().decode(made.stderr));
  for (const [service, built] of [[services.arps, arps], [services.arpc, arpc]] as const) {
    for (const name of service.secrets) {
      await built.mount(`/run/secrets/${name}`, join(folder, secrets[name].file));
    }
  }
  for (const name of ["tls.key", "auth-token", "admin-key"]) {
    strictEqual((await Deno.stat(join(folder, "secrets", name))).mode! & 0o777, 0o400, name);
  }
  const [, volume] = services.arpc.volumes[0].split(":");
  strictEqual(volume, `${arpc.image.env.HOME}/.arp-client`);
  {
    // As in Kubernetes, where nothing of an image is a volume by itself.
    const env = { ...services.arpc.environment, ARPC_REQUIRE_VISITOR_TOKEN: "true" };
    await using bare = arpc.start([], env);
    const { code } = await within(PATIENCE_MS, "an end", bare.status());
    strictEqual(code, 2, bare.stderr);
    match(bare.stderr, /^arpc: --require-visitor-token: cannot keep the key .*\n.*a volume/m);
  }
  await arpc.volume(volume);
  const token = (await Deno.readTextFile(join(folder, "secrets/auth-token"))).trim();
  const before = [await arps.snapshot(), await arpc.snapshot()];
  doesNotMatch(before.join("\n"), /_test\.ts|\/testdata\/|playwright|\.git\//);

  const [control, proxy, visitors, admin] = [freePort(), freePort(), freePort(), freePort()];
  const serverEnv = {
    ...services.arps.environment,
    ARPS_BIND: "127.0.0.1",
    ARPS_ADMIN_PORT: `${admin}`,
    ARPS_GRACE: "1",
    ARPS_PUBLIC_URL: `https://localhost:${visitors}`,
  };
  const ports = ["--control-port", `${control}`, "--proxy-port", `${proxy}`];
  await using service = httpService(() => new Response("from the sample"));
  await using server = arps.start([...ports, "--public-port", `${visitors}`], serverEnv);
  strictEqual(await arps.health({ ARPS_ADMIN_PORT: "1" }), 1, "healthy without a server");
  await server.message("Server ready");
  strictEqual(await arps.health(serverEnv), 0);
  const clientEnv = {
    ...services.arpc.environment,
    // What the name is in the network of the containers.
    ARPC_SERVER_ADDR: "127.0.0.1",
    ARPC_TLS_SERVER_NAME: services.arpc.environment.ARPC_SERVER_ADDR,
    ARPC_LOCAL_ADDR: "127.0.0.1",
    ARPC_LOCAL_PORT: `${service.addr.port}`,
    ARPC_GRACE: "1",
  };
  await using client = arpc.start(ports, clientEnv);
  await client.message("Registered");
  const url = `https://localhost:${visitors}/?token=sample`;
  const trust = ["--cacert", join(folder, "secrets/tls.crt"), "--ipv4"];
  strictEqual(await run(curl.path, "--silent", "--show-error", ...trust, url), "from the sample");
  const [, oneLiner = ""] = /docker compose exec arpc (.*)$/m.exec(compose) ?? [];
  await eventually("its address", () => Promise.resolve(client.stdout.endsWith("\n")));
  const link = await arpc.exec(oneLiner, clientEnv);
  ok(link.startsWith(`https://localhost:${visitors}/?token=eyJ`), link);
  await eventually(
    "the key",
    async () =>
      await run(curl.path, "--silent", "--show-error", ...trust, link) === "from the sample",
  );
  const status = await Deno.readTextFile(`/proc/${server.pid}/status`);
  if (Deno.uid() === 0) match(status, /^Uid:\t65532\t65532\t65532/m);
  for (const program of [client, server]) {
    program.kill("SIGTERM");
    const { code } = await within(PATIENCE_MS, "an end", program.status());
    strictEqual(code, 0, program.stderr);
    doesNotMatch(program.stderr, /Download|error:/);
    ok(!program.stderr.includes(token));
  }
  deepStrictEqual([await arps.snapshot(), await arpc.snapshot()], before);
});
