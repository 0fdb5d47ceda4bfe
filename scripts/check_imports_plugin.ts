/**
 * A lint plugin that reports every mention of `Deno` and every global that opens a socket. It is
 * no rule of `deno lint` for the project: `check_imports.ts` runs it over the few files that have
 * to stay pure, because the linter's parser is the one at hand that knows a name from a comment.
 *
 * @module
 */

/** Globals that reach the network without an import. */
const SOCKET_GLOBALS = ["fetch", "WebSocket", "WebSocketStream", "WebTransport", "EventSource"];

/** Rule `arrows/no-deno` for files that may touch nothing at all, `arrows/no-socket` for the rest. */
const plugin: Deno.lint.Plugin = {
  name: "arrows",
  rules: {
    "no-deno": {
      create: (context) => ({
        Identifier(node) {
          if (isProperty(node)) return;
          if (node.name === "Deno" || SOCKET_GLOBALS.includes(node.name)) {
            context.report({ node, message: `uses \`${node.name}\`` });
          }
        },
        'MemberExpression[property.name="Deno"]'(node: Deno.lint.MemberExpression) {
          context.report({ node, message: "uses `Deno`" });
        },
      }),
    },
    "no-socket": {
      create: (context) => ({
        Identifier(node) {
          if (!isProperty(node) && SOCKET_GLOBALS.includes(node.name)) {
            context.report({ node, message: `uses \`${node.name}\`` });
          }
        },
        'MemberExpression[object.name="Deno"]'(node: Deno.lint.MemberExpression) {
          const name = !node.computed && node.property.type === "Identifier"
            ? node.property.name
            : "[computed name]";
          if (/^(listen|connect|serve|startTls|createHttpClient|resolveDns|\[)/.test(name)) {
            context.report({ node, message: `uses \`Deno.${name}\`` });
          }
        },
      }),
    },
  },
};
export default plugin;

/** Whether a name is only a key: `{ fetch: 1 }`, `app.fetch`, and no mention of the global. */
function isProperty(node: Deno.lint.Identifier): boolean {
  const { parent } = node;
  switch (parent.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
      return parent.key === node && !parent.shorthand && !parent.computed;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key === node;
    default:
      return false;
  }
}
