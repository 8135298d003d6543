// What the user page does by itself: log in, show the gadgets, and follow the portal when another server serves.
//
// A poll that finds the portal gone asks the core of the same server who serves now (an invented service). A portal
// that stopped serving sends the page on by an ordinary redirect. After either, the user logs in again there.
import { $, EditableList, el, moment, replaceIfNew, request, say, showView, warn } from "/static/ui.js";

const POLL_MS = Number(document.body.dataset.pollMs);
const PATIENCE_MS = Math.max(300, POLL_MS * 3);
const ACT_MS = 5000;
const CORE = `https://${document.body.dataset.coreHost || location.hostname}:${document.body.dataset.corePort}`;
const ENDED = "Your session has ended. Log in again.";
let polling = null;

function show(loggedIn, user) {
  showView(loggedIn, user);
  if (loggedIn) return;
  clearTimeout(polling);
  polling = null;
  for (const list of lists) list.clear();
  say("");
  $("user").focus();
}

// Where an answer of the portal leads: true if the page may go on.
function settled(response) {
  if (response.type === "opaqueredirect") {
    warn("Another portal serves now. You are being taken there; log in again.");
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
      warn(`Connection lost. You are being taken to ${new URL(portal).hostname}; log in again there.`);
      location.assign(portal);
      return;
    }
  } catch { /* the core is gone as well: nobody can tell */ }
  warn("Connection lost: the portal does not answer. If it does not come back, log in at the address of the other server.");
}

async function poll() {
  polling = null;
  try {
    const response = await request("GET", "session", undefined, PATIENCE_MS);
    if (!settled(response)) return;
    if (response.status === 200) { warn(""); await lookAgain(); }
    else if (response.status === 401) { show(false); warn(ENDED); return; }
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
    const body = { user: form.get("user"), password: form.get("password") };
    const response = await request("POST", "session", body, ACT_MS);
    if (!settled(response)) return;
    const answer = await response.json();
    if (response.status !== 201) {
      $("login-error").textContent = answer.message;
      $("password").value = "";
      $("password").focus();
      return;
    }
    event.target.reset();
    warn("");
    show(true, answer.user);
    $("home").focus(); // now: once everything is there, the user may be typing
    await begin();
  } catch { $("login-error").textContent = "The portal does not answer."; }
});

$("log-out").addEventListener("click", async () => {
  clearTimeout(polling);
  polling = null;
  try { await request("DELETE", "session", undefined, ACT_MS); } catch { /* then there is no session either */ }
  warn("");
  show(false);
});

async function act(method, path, body) {
  const response = await request(method, path, body, ACT_MS);
  if (!settled(response)) return null;
  const answer = response.status === 204 ? {} : await response.json();
  if (response.status === 401) { show(false); warn(ENDED); return null; }
  return { ok: response.ok, message: answer.message, answer };
}

// The gadgets.

const STATES = { scheduled: "Scheduled", held: "Held", missed: "Missed", unknown: "Unknown" };

const describe = {
  contacts: (item) => [el("strong", { text: item.name }), el("span", { text: item.number })],
  settings: (item) => [el("strong", { text: item.key }), el("span", { text: item.value })],
  meetings: (item) => [
    el("strong", { text: item.title }), moment(item.starts_at, { seconds: false }),
    ...(item.state ? [el("span", { class: `badge ${item.state}`, text: STATES[item.state] ?? item.state })] : []),
    ...(item.scheduled_on ? [el("span", { class: "detail", text: `scheduled on the ${item.scheduled_on}` })] : []),
  ],
};

const lists = [...document.querySelectorAll(".gadget")].map((section) =>
  new EditableList(section, { act, describe: describe[section.dataset.collection] }));
const meetings = lists.find((list) => list.collection === "meetings");

async function loadDirectory() {
  const result = await act("GET", "directory");
  if (!result?.ok) return;
  const { items } = result.answer;
  replaceIfNew($("directory"), items, () => items.map((item) =>
    el("li", {}, el("div", { class: "what" }, el("strong", { text: item.name }), el("span", { text: item.number })))));
  $("no-directory").hidden = items.length > 0;
}

async function begin() {
  try { await Promise.all([loadDirectory(), ...lists.map((list) => list.load())]); } catch { /* the next poll tells */ }
  if (!$("home").hidden) schedule();
}

// A meeting whose time has come is held or missed: only then there is something new to see.
async function lookAgain() {
  const due = meetings.items.some((item) => item.state === "scheduled" && new Date(item.starts_at) <= new Date());
  if (due) await meetings.load();
}

(async () => {
  try {
    const response = await request("GET", "session", undefined, PATIENCE_MS);
    if (!settled(response)) return;
    if (response.status === 200) {
      show(true, (await response.json()).user);
      await begin();
      return;
    }
  } catch { /* the form tells on the first try */ }
  show(false);
})();
