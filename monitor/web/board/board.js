// Keeps the board live: the server says by an event when something changed, and only the sections that differ are exchanged.
"use strict";
(() => {
  const live = document.getElementById("live");
  let version = document.querySelector("meta[name=version]").content;
  let heard = Date.now();
  let busy = false;
  const say = (words) => { if (live.textContent !== words) live.textContent = words; };

  const exchange = async () => {
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch("/", { headers: { Accept: "text/html" }, cache: "no-store" });
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const closed = new Set([...document.querySelectorAll("details:not([open])")].map((one) => one.id));
      const open = new Set([...document.querySelectorAll("details[open]")].map((one) => one.id));
      for (const fresh of next.querySelectorAll("main > section")) {
        for (const one of fresh.querySelectorAll("details")) {
          if (closed.has(one.id)) one.open = false;
          if (open.has(one.id)) one.open = true;
        }
        const old = document.getElementById(fresh.id);
        if (!old || old.innerHTML === fresh.innerHTML) continue;
        const held = old.contains(document.activeElement) ? [...old.querySelectorAll("summary, .wide, a")].indexOf(document.activeElement) : -1;
        old.replaceChildren(...fresh.childNodes);
        const again = held < 0 ? null : old.querySelectorAll("summary, .wide, a")[held];
        if (again) again.focus({ preventScroll: true });
      }
      document.title = next.title;
      version = next.querySelector("meta[name=version]").content;
    } catch { /* the next event tries again */ } finally { busy = false; }
  };

  const source = new EventSource("/events");
  source.onmessage = (event) => {
    const [now, at] = event.data.split(" ");
    heard = Date.now();
    say("Live.");
    const time = document.querySelector("#as-of time");
    time.dateTime = at;
    time.textContent = at.replace("T", " ").replace("Z", "");
    if (now !== version) exchange();
  };
  setInterval(() => {
    const ageS = Math.round((Date.now() - heard) / 1000);
    if (ageS > 4) say(`Not live: this page has heard nothing for more than ${ageS < 60 ? "a few seconds" : "a minute"}.`);
  }, 1000);
})();
