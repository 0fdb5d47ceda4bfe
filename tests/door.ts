/**
 * The door of command mode with an API of the test's own behind it.
 *
 * @module
 */

import { PortSet } from "@agentx/common/cli";
import { Door, type DoorOptions } from "../client/command/door.ts";
import { Wire } from "./http_wire.ts";
import { httpService } from "./services.ts";

/** A door, open. */
export class TestDoor implements AsyncDisposable {
  private constructor(
    readonly door: Door,
    private readonly inner: Deno.HttpServer<Deno.NetAddr>,
  ) {}

  /** @param more overrides what everything may pass with. */
  static open(
    handler: Deno.ServeHandler<Deno.NetAddr> = () => new Response("api"),
    { config, ...more }: Partial<DoorOptions> = {},
  ): TestDoor {
    const inner = httpService(handler);
    const { hostname, port } = inner.addr;
    const door = Door.open({
      hostname: "127.0.0.1",
      port: 0,
      inner: { hostname, port },
      authorize: () => {},
      config: { proxyPorts: new PortSet(), apiKey: undefined, ...config },
      ...more,
    });
    return new TestDoor(door, inner);
  }

  /** Where it listens. */
  get port(): number {
    return this.door.address.port;
  }

  /** The API behind it. */
  get innerPort(): number {
    return this.inner.addr.port;
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A connection to it. */
  visit(): Promise<Wire> {
    return Wire.dial(this.port);
  }

  /** Ends the API, and leaves the door open. */
  async stopInner(): Promise<void> {
    await this.inner.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.door[Symbol.asyncDispose]();
    await this.inner.shutdown();
  }
}
