// What the Health pages and the lists under Configuration show, from the answers of the portal.
import { $, el, moment, replaceIfNew } from "/static/ui.js";

const COLOURS = { Available: "green", Starting: "yellow", Stopped: "red" };

/** A state with its icon; the word says all that the icon does. */
function state(text, colour) {
  return el("span", { class: `state ${colour}` }, el("span", { class: "icon", "aria-hidden": "true" }), text);
}

/** The strip above all panels: who this portal is now. */
export function showNow(status) {
  replaceIfNew($("role"), status.role, () => [state(status.role, COLOURS[status.role])]);
  const text = status.unmet.length ? "not ready" : status.resilience;
  if ($("resilience-now").textContent !== text) $("resilience-now").textContent = text;
  $("pending").hidden = !status.restart_pending;
}

function rows(id, items, empty, make) {
  const place = $(`${id}-rows`);
  const columns = [...place.closest("table").querySelectorAll("thead th")].map((column) => column.textContent);
  const none = () => [el("tr", { role: "row" }, el("td", { role: "cell", colspan: columns.length, class: "empty", text: empty }))];
  replaceIfNew(place, items, () => (items.length ? items.map((item) => row(make(item), columns)) : none()));
}

// The roles are said aloud because narrow screens lay tables out as blocks, which takes them away.
function row(cells, columns) {
  cells.forEach((one, place) => {
    one.setAttribute("role", one.tagName === "TH" ? "rowheader" : "cell");
    if (one.tagName === "TD") one.dataset.column = columns[place];
  });
  return el("tr", { role: "row" }, ...cells);
}

function cell(...children) {
  return el("td", {}, ...children);
}

function head(text) {
  return el("th", { scope: "row", text });
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const SERVICES = { portal: "one-X Portal", ip_office: "IP Office", database: "Database" };
const GOOD = { Started: "green", Connected: "green", Unknown: "grey" };

function condition({ state: is, use }) {
  const colour = use === "Passive" ? "yellow" : GOOD[is] ?? "red";
  return state(use ? `${is} ${use}` : is, colour);
}

function discarded(change) {
  const whose = change.owner ? `of ${change.owner}` : "of all users";
  return el("li", {}, `${change.collection} ${whose}: ${change.what}, `, moment(change.made_at));
}

export const PANELS = {
  "component-status": {
    path: "admin/health/components",
    show: ({ items }) => rows("component-status", items, "", (item) => [head(item.name),
      cell(state(item.state, item.colour), ...(item.detail ? [el("span", { class: "detail", text: capital(item.detail) })] : []))]),
  },
  resilience: {
    path: "admin/health/resilience",
    show: ({ servers, unmet, discarded: lost, seen_from }) => {
      const services = Object.entries(SERVICES).map(([key, name]) => [name, servers.primary[key], servers.secondary[key]]);
      rows("resilience", services, "", ([name, primary, secondary]) =>
        [head(name), cell(condition(primary)), cell(condition(secondary))]);
      $("resilience").querySelector("caption").textContent = `Both servers, as the ${seen_from}'s portal knows them`;
      replaceIfNew($("unmet"), unmet, () => (unmet.length
        ? unmet.map(({ rule, says }) => el("li", { text: `${says} (${rule})` }))
        : [el("li", { class: "empty", text: "Nothing: resilience is ready." })]));
      replaceIfNew($("discarded"), lost, () => (lost.count
        ? lost.changes.map(discarded) : [el("li", { class: "empty", text: "Nothing." })]));
    },
  },
  "key-recent-events": {
    path: "admin/health/events",
    show: ({ items }) => rows("key-recent-events", items, "Nothing has happened yet.", (item) =>
      [cell(moment(item.at)), cell(capital(item.what)), cell(item.why)]),
  },
  "active-sessions": {
    path: "admin/health/sessions",
    show: ({ items }) => {
      rows("active-sessions", items, "Nobody is logged in.", (item) =>
        [head(item.user), cell(moment(item.since)), cell(item.client)]);
      $("clear-all").disabled = items.length === 0;
    },
  },
  providers: {
    path: "admin/providers",
    show: ({ items }) => rows("providers", items, "There are none.", (item) =>
      [head(item.name), cell(item.type), cell(item.server), cell(item.address),
        cell(state(capital(item.state), item.state === "connected" ? "green" : "red"))]),
  },
  users: {
    path: "admin/users",
    show: ({ items }, { clearSessionsOf }) => rows("users", items, "No users are known yet.", (item) =>
      [head(item.name), cell(item.home), cell(item.logged_in ? "Yes" : "No"),
        cell(el("button", {
          type: "button", class: "quiet", text: "Clear Sessions", "aria-label": `Clear Sessions of ${item.name}`,
          "data-key": item.name, disabled: !item.logged_in, onclick: () => clearSessionsOf(item.name),
        }))]),
  },
};
