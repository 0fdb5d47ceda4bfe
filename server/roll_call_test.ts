import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { RollCall } from "./roll_call.ts";

/** A client whose link answers so, question by question. */
function client(...answers: (boolean | undefined)[]) {
  const asked: number[] = [];
  return {
    asked,
    channel: {
      answers(ms: number): Promise<boolean | undefined> {
        asked.push(ms);
        return Promise.resolve(answers.shift());
      },
    },
  };
}

Deno.test("a client is there if it answers, at the second time of asking as well", async () => {
  const calls = new RollCall(7);
  const [prompt, late, silent, ended] = [
    client(true),
    client(false, true),
    client(false, false, true),
    client(false, undefined, true),
  ];
  deepStrictEqual(
    await Promise.all([prompt, late, silent, ended].map((one) => calls.isThere(one))),
    [true, true, false, false],
  );
  deepStrictEqual(
    [prompt.asked, late.asked, silent.asked, ended.asked].map(({ length }) => length),
    [
      1,
      2,
      2,
      2,
    ],
  );
  deepStrictEqual(late.asked, [7, 7]);
  strictEqual(calls.size, 0);
});

Deno.test("a crowd that wants to know asks once, and anew when that is over", async () => {
  const calls = new RollCall();
  const one = client(false, false, true);
  const other = client(true);
  const answers = [one, one, one, other, one].map((member) => calls.isThere(member));
  strictEqual(calls.size, 2);
  deepStrictEqual(await Promise.all(answers), [false, false, false, true, false]);
  strictEqual(one.asked.length, 2);
  strictEqual(await calls.isThere(one), true);
  strictEqual(calls.size, 0);
});
