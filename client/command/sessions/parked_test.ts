import { deepStrictEqual } from "node:assert/strict";
import { type Parkable, Parked } from "./parked.ts";
import { FakeTime } from "./testdata/time.ts";

class Car implements Parkable {
  constructor(private readonly name: string, private readonly ended: string[]) {}

  close(): Promise<void> {
    this.ended.push(this.name);
    return Promise.resolve();
  }
}

function cars(): { ended: string[]; a: Car; b: Car; c: Car } {
  const ended: string[] = [];
  return { ended, a: new Car("a", ended), b: new Car("b", ended), c: new Car("c", ended) };
}

Deno.test("Parked ends what has waited long enough", async () => {
  using time = new FakeTime();
  await using parked = new Parked(10, 1000);
  const { ended, a, b, c } = cars();
  parked.add(a);
  parked.add(c);
  time.tick(500);
  parked.add(b);
  parked.delete(c);
  time.tick(500);
  deepStrictEqual(ended, ["a"]);
  time.tick(5000);
  deepStrictEqual(ended, ["a", "b"]);
});

Deno.test("Parked lets only so many wait, and ends the one that has waited longest", async () => {
  const parked = new Parked(2, 1000);
  const { ended, a, b, c } = cars();
  parked.add(a);
  parked.add(b);
  // It comes back, and is then the newest.
  parked.add(a);
  deepStrictEqual(ended, []);
  parked.add(c);
  deepStrictEqual(ended, ["b"]);
  await parked[Symbol.asyncDispose]();
  deepStrictEqual(ended, ["b", "a", "c"]);
});
