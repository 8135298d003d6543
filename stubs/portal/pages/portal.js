// What the user page does by itself: log in, show the gadgets, and follow the portal when another server serves.
//
// A poll that finds the portal gone asks the core of the same server who serves now (an invented service). A portal
// that stopped serving sends the page on by an ordinary redirect. After either, the user logs in again there.
"use strict";

const POLL_MS = Number(document.body.dataset.pollMs);
const PATIENCE_MS = Math.max(300, POLL_MS * 3);
const CORE = `https://${document.body.dataset.coreHost || location.hostname}:${document.body.dataset.corePort}`;
const $ = (id) => document.getElementById(id);
let polling = null;

async function call(method, path, body) {
  const init = { method, redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body !== undefined) {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  return fetch(`/api/v1/${path}`, init);
}

function show(loggedIn, user) {
  $("login").hidden = loggedIn;
  $("home").hidden = !loggedIn;
  $("log-out").hidden = !loggedIn;
  $("who").textContent = loggedIn ? `- ${user}` : "";
  if (!loggedIn) $("user").focus();
}

function say(text) {
  $("banner").textContent = text;
  $("banner").hidden = !text;
}

// Where an answer of the portal leads: true if the page may go on.
function settled(response) {
  if (response.type === "opaqueredirect") {
    location.assign("/onexportal.html"); // the server sends us on from there
    return false;
  }
  return true;
}

async function findServingPortal() {
  try {
    const response = await fetch(`${CORE}/api/v1/redirect`, {
      cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const { portal } = await response.json();
    if (portal && new URL(portal).hostname !== location.hostname) {
      location.assign(portal);
      return;
    }
  } catch { /* the core is gone as well: nobody can tell */ }
  say("The portal does not answer. If it does not come back, log in at the address of the other server.");
}

async function poll() {
  polling = null;
  try {
    const response = await call("GET", "session");
    if (!settled(response)) return;
    if (response.status === 200) say("");
    else if (response.status === 401) { say("Your session has ended. Log in again."); show(false); return; }
    else await findServingPortal();
  } catch { await findServingPortal(); }
  schedule();
}

function schedule() {
  if (polling === null) polling = setTimeout(poll, POLL_MS);
}

$("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  $("login-error").textContent = "";
  try {
    const response = await call("POST", "session", { user: form.get("user"), password: form.get("password") });
    if (!settled(response)) return;
    const answer = await response.json();
    if (response.status !== 201) { $("login-error").textContent = answer.message; return; }
    event.target.reset();
    say("");
    show(true, answer.user);
    await Promise.all(gadgets.map((gadget) => gadget.load()));
    schedule();
  } catch { $("login-error").textContent = "The portal does not answer."; }
});

$("log-out").addEventListener("click", async () => {
  clearTimeout(polling);
  polling = null;
  try { await call("DELETE", "session"); } catch { /* then there is no session either */ }
  show(false);
});

class Gadget {
  constructor(section) {
    this.list = section.querySelector("ul");
    this.error = section.querySelector(".error");
    this.collection = section.dataset.collection;
    this.fields = section.dataset.fields.split(",");
    section.querySelector("form").addEventListener("submit", (event) => this.add(event));
  }

  async load() {
    const response = await call("GET", this.collection);
    if (response.status !== 200) return;
    const { items } = await response.json();
    this.list.replaceChildren(...items.map((item) => this.row(item)));
  }

  row(item) {
    const li = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = this.fields.map((field) => (field === "starts_at" ? new Date(item[field]).toLocaleString() : item[field])).join(": ");
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "Delete";
    remove.setAttribute("aria-label", `Delete ${item[this.fields[0]]}`);
    remove.addEventListener("click", () => this.change("DELETE", `${this.collection}/${item.id}`));
    li.append(text, remove);
    return li;
  }

  async add(event) {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.target));
    if (body.starts_at) body.starts_at = new Date(body.starts_at).toISOString();
    if (await this.change("POST", this.collection, body)) event.target.reset();
  }

  async change(method, path, body) {
    this.error.textContent = "";
    try {
      const response = await call(method, path, body);
      if (!settled(response)) return false;
      if (!response.ok) { this.error.textContent = (await response.json()).message; return false; }
      await this.load();
      return true;
    } catch {
      this.error.textContent = "No answer: it is not known whether this was stored.";
      return false;
    }
  }
}

const gadgets = [...document.querySelectorAll(".gadget")].map((section) => new Gadget(section));

(async () => {
  try {
    const response = await call("GET", "session");
    if (!settled(response)) return;
    if (response.status === 200) {
      show(true, (await response.json()).user);
      await Promise.all(gadgets.map((gadget) => gadget.load()));
      schedule();
      return;
    }
  } catch { /* the form tells on the first try */ }
  show(false);
})();
