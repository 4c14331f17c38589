// Opens the board in a real browser, at two widths, light and dark, and prints what a person would meet, one JSON line each.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import chromium from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";

const [url, pictures] = process.argv.slice(2);
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (one) => console.log(JSON.stringify(one));
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const paint = () => new Promise((done) => {
  new PerformanceObserver((list, own) => { own.disconnect(); done(list.getEntries()[0].startTime); })
    .observe({ type: "paint", buffered: true });
});
// One process for all pages, as for a small cloud function, ends with the first page; and the page keeps the usual web security.
const args = chromium.args.filter((one) => !["--single-process", "--disable-web-security", "--allow-running-insecure-content"].includes(one));
const browser = await playwright.launch({ args, executablePath: await chromium.executablePath(), headless: true });
let last;
for (const width of [1280, 390]) {
  for (const colorScheme of ["light", "dark"]) {
    // axe is put into the page, which the page's own policy forbids: what the policy itself breaks is seen in the last visit.
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
    const page = await context.newPage();
    const errors = [];
    page.on("console", (one) => { if (one.type() === "error") errors.push(one.text()); });
    page.on("pageerror", (one) => errors.push(String(one)));
    await page.goto(url);
    await page.waitForFunction(() => document.getElementById("live").textContent === "Live.");
    const paintMs = await page.evaluate(paint);
    await page.evaluate(axe);
    const found = await page.evaluate(async () => (await axe.run()).violations.map((one) => `${one.impact} ${one.id}`));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (pictures) await page.screenshot({ path: `${pictures}/board-${width}-${colorScheme}.png` });
    say({ width, colorScheme, paintMs, overflow, errors, found });
    await context.close();
  }
}
const context = await browser.newContext();
const page = await context.newPage();
const errors = [];
page.on("console", (one) => { if (one.type() === "error") errors.push(one.text()); });
await page.goto(url);
await page.waitForFunction(() => document.getElementById("live").textContent === "Live.");
await page.focus("#assets .wide");
say({ ready: true });
await answers.next(); // the board has changed
const changed = Date.now();
await page.waitForFunction(() => document.getElementById("now").textContent.includes("No incident is open"), null, { polling: 20 });
const focus = await page.evaluate(() => document.activeElement.closest("section")?.id);
say({ liveMs: Date.now() - changed, focus, errors });
await context.close();
const plain = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
await plain.goto(url);
say({ headings: await plain.locator("h2").allTextContents() });
await browser.close();
process.exit(0);
