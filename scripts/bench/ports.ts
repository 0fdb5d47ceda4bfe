/** Whether a connection to a loopback port is taken. */
export async function listens(port: number, hostname = "127.0.0.1"): Promise<boolean> {
  try {
    using _conn = await Deno.connect({ hostname, port });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
