import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { z } from "zod";
import { ports, PortSet } from "./ports.ts";

const option = ports({ about: "ports", group: "Ports" });
const parsed = (value: unknown) => option.schema().safeParse(value).data?.toString();

Deno.test("ports() takes ports and ranges, together and repeated, from flag and file", () => {
  strictEqual(parsed("20000"), "20000");
  strictEqual(parsed("20000-20100"), "20000-20100");
  strictEqual(parsed("1-65535"), "1-65535");
  strictEqual(parsed(["20000-20100", " 443, 80 "]), "80,443,20000-20100");
  strictEqual(parsed([20000, "20001-20002"]), "20000-20002");
  strictEqual(parsed(20000), "20000");
  strictEqual(parsed("5-5"), "5");
  strictEqual(parsed([]), "");
});

Deno.test("ports() joins what overlaps or touches", () => {
  strictEqual(parsed("10-20,15-30,31,40"), "10-31,40");
  strictEqual(parsed("1-100,5,50-60"), "1-100");
});

Deno.test("ports() refuses what is none", () => {
  const bad = [
    ...["", ",", "0", "0-10", "65536", "1-65536", "20-10", "a", "10-", "-10", "1-2-3", "1.5", "+1"],
    ...["10 - 20", "0x10", [""], {}, null, true, 1.5, -1, 0, ["80", "x"], [80, null]],
  ];
  for (const value of bad) strictEqual(parsed(value), undefined, JSON.stringify(value));
});

Deno.test("a PortSet knows its ports, and goes round from any of them", () => {
  const set = new PortSet([[5, 7], [2, 2]]);
  strictEqual(set.size, 4);
  deepStrictEqual([...set], [2, 5, 6, 7]);
  deepStrictEqual([...set.from(2)], [6, 7, 2, 5]);
  ok(set.has(2) && set.has(6) && !set.has(3) && !set.has(8) && !set.has(0));
  const none = new PortSet();
  deepStrictEqual([none.size, none.has(0), [...none.from(0)], `${none}`], [0, false, [], ""]);
});

Deno.test("a PortSet is written as a file has it", () => {
  const set = new PortSet([[443, 443], [20000, 20100]]);
  deepStrictEqual(z.encode(option.schema(), set), [443, "20000-20100"]);
  deepStrictEqual(z.encode(option.schema(), new PortSet()), []);
});
