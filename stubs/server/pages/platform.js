// Keeps the platform view up to date: asks this server for its services, and writes what changed into the page.
"use strict";

const EVERY_MS = 1000;
const WITHIN_MS = 2000;
const banner = document.getElementById("banner");

function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function show(services) {
  for (const [name, view] of Object.entries(services)) {
    const row = document.getElementById(name);
    if (row === null) { location.reload(); return; }
    row.className = view.colour;
    row.querySelector(".icon").setAttribute("aria-label", view.colour);
    write(row.querySelector(".state"), view.state);
    write(row.querySelector(".detail"), view.detail);
  }
}

async function look() {
  try {
    const response = await fetch("/api/v1/services", { cache: "no-store", signal: AbortSignal.timeout(WITHIN_MS) });
    show((await response.json()).services);
    write(banner, "");
  } catch {
    write(banner, "This server does not answer. What is shown may be old.");
  }
  banner.hidden = !banner.textContent;
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
