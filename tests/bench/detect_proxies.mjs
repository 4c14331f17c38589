// Asks npm's evm-proxy-detection what each address is, counting the JSON-RPC calls it makes; one JSON line on stdout.
// node detect_proxies.mjs MODULE URL ADDRESS…
import { createRequire } from "node:module";

const [module, url, ...addresses] = process.argv.slice(2);
const loaded = createRequire(import.meta.url)(module);
const detectProxy = loaded.default ?? loaded;
let calls = 0;
const request = async ({ method, params }) => {
  calls += 1;
  const body = JSON.stringify({ jsonrpc: "2.0", id: calls, method, params });
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const { result, error } = await answer.json();
  if (error) throw new Error(error.message);
  return result;
};
const found = [];
for (const address of addresses) {
  const before = calls;
  const began = performance.now();
  const detected = await detectProxy(address, request).catch(() => null);
  const took = performance.now() - began;
  const target = detected && (detected.target ?? detected.address);
  found.push({ target: Array.isArray(target) ? target : target ? [target] : [], calls: calls - before, ms: took });
}
console.log(JSON.stringify(found));
