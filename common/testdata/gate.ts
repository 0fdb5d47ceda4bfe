/**
 * Tests that need a permission: they are skipped, with a word why, where it was not granted.
 *
 * @module
 */

const LOOPBACK: Deno.PermissionDescriptor = { name: "net", host: "127.0.0.1" };

type Fn = (t: Deno.TestContext) => void | Promise<void>;

/** Registers a test that runs only under these permissions. It must never ask for one. */
export function testWith(
  permissions: readonly Deno.PermissionDescriptor[],
  name: string,
  fn: Fn,
): void {
  const missing = permissions
    .filter((one) => Deno.permissions.querySync(one).state !== "granted")
    .map((one) => `--allow-${one.name}`);
  if (missing.length === 0) Deno.test(name, fn);
  else Deno.test({ name: `${name} [skipped: needs ${missing.join(" ")}]`, ignore: true, fn });
}

/** Registers a test that opens sockets on the loopback. */
export function netTest(name: string, fn: Fn): void {
  testWith([LOOPBACK], name, fn);
}

/** Registers a test that works in a temporary folder. */
export function fileTest(name: string, fn: Fn): void {
  testWith([{ name: "read" }, { name: "write" }], name, fn);
}

/** Fails when a promise is not settled in time, saying what it was. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
