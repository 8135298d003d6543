// Keeps the platform view up to date: asks this server for its services, and writes what changed into the page.
"use strict";

const EVERY_MS = 500;
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
    row.querySelector("form").hidden = view.state !== "Stopped";
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

// Starting by hand: what it is answered stands beside the service.
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const refusal = form.parentElement.querySelector(".refusal");
    write(refusal, "");
    try {
      const response = await fetch(form.action, { method: "POST", signal: AbortSignal.timeout(60000) });
      const answer = await response.json();
      write(refusal, response.ok ? "" : answer.message);
    } catch {
      write(refusal, "No answer: it is not known whether this was done.");
    }
  });
}

setTimeout(look, EVERY_MS);
