// The administrator page: log-in (one at a time), the menu, and what every entry of it shows.
import { $, EditableList, ask, el, legible, request, say, showView, warn } from "/static/ui.js";
import { PANELS, showNow } from "/static/panels.js";

const POLL_MS = Math.min(2000, Math.max(250, Number(document.body.dataset.pollMs)));
const ACT_MS = 5000;
const FIRST = "component-status";
let polling = null;
let watching = 0;

// Talking to the portal.

async function act(method, path, body) {
  const response = await request(method, path, body, ACT_MS);
  if (response.type === "opaqueredirect") {
    return { ok: false, message: "This portal does not serve users now; change it on the other one.", answer: {} };
  }
  const answer = response.status === 204 ? {} : await response.json();
  if (response.status === 401 && !$("home").hidden) {
    show(false);
    warn("Your session has ended. Log in again.");
    return null;
  }
  return { ok: response.ok, status: response.status, code: answer.error, message: answer.message, answer };
}

async function tried(error, method, path, body) {
  error.textContent = "";
  try {
    const result = await act(method, path, body);
    if (result && !result.ok) error.textContent = result.message;
    return result?.ok ? result.answer : null;
  } catch {
    error.textContent = "No answer: it is not known whether this was done.";
    return null;
  }
}

// Logging in and out.

function show(loggedIn, user) {
  showView(loggedIn, user);
  clearTimeout(polling);
  watching += 1;
  say("");
  if (loggedIn) { warn(""); openPanel(); return; }
  if ($("question").open) $("question").close("no");
  $("user").focus();
}

async function logIn(endOther) {
  const form = new FormData($("login-form"));
  const body = { user: form.get("user"), password: form.get("password"), end_other: endOther };
  const error = $("login-error");
  error.textContent = "";
  try {
    const result = await act("POST", "admin/session", body);
    if (result.ok) { $("login-form").reset(); show(true, result.answer.user); return; }
    if (result.code === "session_taken" && !endOther) {
      const question = `${legible(result.message)} There can be one at a time only. End that session and log in?`;
      if (await ask("Another administrator is logged in", question, "Yes, end that session")) { await logIn(true); return; }
    }
    error.textContent = legible(result.message);
    $("password").value = "";
    $("password").focus();
  } catch { error.textContent = "The portal does not answer."; }
}

$("login-form").addEventListener("submit", (event) => { event.preventDefault(); logIn(false); });

$("log-out").addEventListener("click", async () => {
  try { await act("DELETE", "admin/session"); } catch { /* then there is no session either */ }
  show(false);
});

// The menu.

function current() {
  const wanted = location.hash.slice(1);
  return document.querySelector(`.panel[id="${CSS.escape(wanted)}"]`) ? wanted : FIRST;
}

function openPanel() {
  const id = current();
  for (const panel of document.querySelectorAll(".panel")) panel.hidden = panel.id !== id;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${id}`) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  document.title = `${$(`${id}-title`).textContent} - one-X Portal Administrator`;
  toggleMenu(false);
  for (const error of $(id).querySelectorAll(".error")) error.textContent = "";
  say("");
  $(`${id}-title`).focus({ preventScroll: true });
  window.scrollTo(0, 0);
  watching += 1;
  watch(id, watching);
}

function toggleMenu(open) {
  $("menu").setAttribute("aria-expanded", String(open));
  $("menu-entries").classList.toggle("open", open);
}

window.addEventListener("hashchange", () => {
  if (!$("home").hidden && location.hash !== "#main") openPanel();
});
$("menu").addEventListener("click", () => toggleMenu($("menu").getAttribute("aria-expanded") !== "true"));

// What is open is looked at again and again; what a form holds is not touched after it was filled.

async function watch(id, mine) {
  clearTimeout(polling);
  try {
    if ($(id).dataset.path && (await fillForm($(id))) === null) return;
    if ($(id).dataset.collection) await directory.load();
    await look(id, mine);
  } catch { warn("The portal does not answer."); }
  if (mine === watching) polling = setTimeout(() => again(id, mine), POLL_MS);
}

async function again(id, mine) {
  try { await look(id, mine); } catch { if (mine === watching) warn("The portal does not answer."); }
  if (mine === watching) polling = setTimeout(() => again(id, mine), POLL_MS);
}

async function look(id, mine) {
  const panel = PANELS[id];
  const result = await act("GET", panel ? panel.path : "admin/session");
  if (result === null || mine !== watching) return;
  const status = await act("GET", "resilience");
  if (mine !== watching) return;
  warn(result.ok ? "" : result.message);
  showNow(status.answer);
  if (panel && result.ok) panel.show(result.answer, { clearSessionsOf });
}

// The settings: configured, and in effect after a restart only.

async function fillForm(section) {
  const result = await act("GET", `admin/${section.dataset.path}`);
  if (result === null) return null;
  const refusal = section.querySelector(".refusal");
  refusal.textContent = result.ok ? "" : result.message;
  refusal.hidden = result.ok;
  for (const part of section.querySelectorAll("form, .below")) part.hidden = !result.ok;
  if (result.ok) fill(section, result.answer);
  return result;
}

function fill(section, page) {
  const differing = [];
  for (const input of section.querySelectorAll("[name]")) {
    const [configured, effective] = [page.configured[input.name], page.effective[input.name]];
    if (input.type === "checkbox") input.checked = configured; else input.value = configured;
    if (configured !== effective) differing.push(`${section.querySelector(`label[for="${input.id}"]`).textContent}: ${inWords(effective)}`);
  }
  const effect = section.querySelector(".effect");
  effect.textContent = page.restart_pending ? `Restart pending. In effect until then: ${differing.join("; ")}.` : "";
  effect.hidden = !page.restart_pending;
}

function inWords(value) {
  if (value === true) return "on";
  if (value === false) return "off";
  return value === "" ? "empty" : String(value);
}

for (const section of document.querySelectorAll(".panel[data-path]")) {
  section.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = {};
    for (const input of section.querySelectorAll("[name]")) {
      const value = input.type === "checkbox" ? input.checked : input.type === "number" ? Number(input.value) : input.value;
      body[input.dataset.send || input.name] = value;
    }
    const page = await tried(section.querySelector(".error"), "PUT", `admin/${section.dataset.path}`, body);
    if (!page) return;
    fill(section, page);
    say(page.restart_pending ? "Saved. It is in effect after a restart of the portal." : "Saved.");
  });
}

// Acts.

async function clearSessionsOf(user) {
  const ended = await tried($("users").querySelector(".error"), "DELETE", `admin/sessions/${encodeURIComponent(user)}`);
  if (ended) say(`${user} has to log in again.`);
}

$("clear-all").addEventListener("click", async () => {
  if (!await ask("Clear all sessions?", "Every user of this portal has to log in again.", "Yes, clear them")) return;
  const ended = await tried($("active-sessions").querySelector(".error"), "DELETE", "admin/sessions");
  if (ended) say(`Sessions ended: ${ended.ended}.`);
});

$("failover-now")?.addEventListener("click", async () => {
  if (!await ask("Failover Now?", "The users are handed over to the secondary and have to log in there.", "Yes, fail over")) return;
  const error = $("failover-now-section").querySelector(".error");
  if (await tried(error, "POST", "admin/failover-now")) say("The secondary's portal takes over.");
});

$("restart").addEventListener("click", async () => {
  if (!await ask("Restart this portal?", "All sessions end, this one too. What is configured is in effect afterwards.", "Yes, restart")) return;
  try {
    const result = await act("POST", "admin/restart");
    say(result?.ok ? "The portal restarts." : result?.message ?? "");
  } catch { warn("No answer: it is not known whether the portal restarts."); }
});

const directory = new EditableList($("system-directory"), {
  act, describe: (item) => [el("strong", { text: item.name }), el("span", { text: item.number })],
});

act("GET", "admin/session").then((result) => show(result.ok, result.answer.user), () => show(false));
