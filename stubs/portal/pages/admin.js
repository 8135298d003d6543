// The administrator page: status, settings (configured and in effect), directory, users, Failover Now, restart.
"use strict";

const POLL_MS = Math.max(500, Number(document.body.dataset.pollMs));
const $ = (id) => document.getElementById(id);
let polling = null;

async function call(method, path, body) {
  const init = { method, redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(5000) };
  if (body !== undefined) {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(`/api/v1/${path}`, init);
  if (response.type === "opaqueredirect") return { ok: false, message: "This portal does not serve users now; change it on the other one." };
  const answer = response.status === 204 ? {} : await response.json();
  return { ok: response.ok, status: response.status, message: answer.message || "", answer };
}

async function tried(error, act) {
  error.textContent = "";
  try {
    const result = await act();
    if (!result.ok) error.textContent = result.message;
    return result.ok ? result.answer : null;
  } catch {
    error.textContent = "No answer: it is not known whether this was done.";
    return null;
  }
}

function entry(text, act) {
  const li = document.createElement("li");
  const span = document.createElement("span");
  span.textContent = text;
  li.append(span);
  if (act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Delete";
    button.setAttribute("aria-label", `Delete ${text}`);
    button.addEventListener("click", act);
    li.append(button);
  }
  return li;
}

async function showStatus() {
  polling = null;
  try {
    const { answer } = await call("GET", "resilience");
    const lost = await call("GET", "admin/resiliency");
    if (lost.status === 401) { show(false); return; }
    const changes = lost.ok ? lost.answer.discarded.changes : [];
    const shown = {
      role: answer.role, why: answer.why, core: answer.core, resilience: answer.resilience,
      unmet: answer.unmet.join(", ") || "none",
      sync: `${answer.sync.state}, up to change ${answer.sync.head}`,
      discarded: changes.map((one) => `${one.collection} of ${one.owner || "all"} ${one.what}`).join("; ") || "nothing",
    };
    for (const cell of document.querySelectorAll("[data-show]")) cell.textContent = shown[cell.dataset.show];
    $("banner").hidden = true;
  } catch {
    $("banner").textContent = "The portal does not answer.";
    $("banner").hidden = false;
  }
  polling = setTimeout(showStatus, POLL_MS);
}

function fill(section, page) {
  for (const input of section.querySelectorAll("[name]")) {
    const value = page.configured[input.name];
    if (input.type === "checkbox") input.checked = value; else input.value = value;
  }
  section.querySelector(".pending").textContent = page.restart_pending ? "Restart pending: not in effect yet." : "";
}

for (const section of document.querySelectorAll(".settings")) {
  section.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = {};
    for (const input of section.querySelectorAll("[name]")) {
      const value = input.type === "checkbox" ? input.checked : input.type === "number" ? Number(input.value) : input.value;
      body[input.dataset.send || input.name] = value;
    }
    const page = await tried(section.querySelector(".error"), () => call("PUT", `admin/${section.dataset.path}`, body));
    if (page) fill(section, page);
  });
}

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () =>
    tried($("resilience").querySelector(".error"), () => call("POST", `admin/${button.dataset.act}`)));
}

async function loadDirectory() {
  const { ok, answer } = await call("GET", "admin/directory");
  if (!ok) return;
  const error = $("directory").querySelector(".error");
  $("directory").querySelector("ul").replaceChildren(...answer.items.map((item) =>
    entry(`${item.name}: ${item.number}`, async () => {
      if (await tried(error, () => call("DELETE", `admin/directory/${item.id}`))) await loadDirectory();
    })));
}

$("directory").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const body = Object.fromEntries(new FormData(form));
  if (await tried(form.querySelector(".error"), () => call("POST", "admin/directory", body))) {
    form.reset();
    await loadDirectory();
  }
});

async function load() {
  await Promise.all([...document.querySelectorAll(".settings")].map(async (section) => {
    const { ok, answer } = await call("GET", `admin/${section.dataset.path}`);
    if (ok) fill(section, answer);
  }));
  await loadDirectory();
  const users = await call("GET", "admin/users");
  if (users.ok) $("users").querySelector("ul").replaceChildren(...users.answer.items.map((user) => entry(`${user.name} (home: ${user.home})`)));
  await showStatus();
}

function show(loggedIn) {
  $("login").hidden = loggedIn;
  $("home").hidden = !loggedIn;
  $("log-out").hidden = !loggedIn;
  clearTimeout(polling);
  if (loggedIn) load(); else $("user").focus();
}

async function logIn(endOther) {
  const form = new FormData($("login-form"));
  const body = { user: form.get("user"), password: form.get("password"), end_other: endOther };
  const result = await call("POST", "admin/session", body);
  $("login-error").textContent = result.ok ? "" : result.message;
  $("end-other").hidden = result.status !== 409;
  if (result.ok) { $("login-form").reset(); show(true); }
}

$("login-form").addEventListener("submit", (event) => { event.preventDefault(); logIn(false); });
$("end-other").addEventListener("click", () => logIn(true));
$("log-out").addEventListener("click", async () => { await call("DELETE", "admin/session"); show(false); });

call("GET", "admin/session").then(({ ok }) => show(ok), () => show(false));
