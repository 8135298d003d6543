// What the user page and the administrator page share: elements, questions, and lists whose items can be edited.
// Text of users reaches a page as textContent only.

export const $ = (id) => document.getElementById(id);

/** An element with attributes (`on…` ones are listeners, `text` is its text) and children. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** One request of the page's own server; redirects are handed back, never followed. */
export function request(method, path, body, withinMs) {
  const init = { method, redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(withinMs) };
  if (body !== undefined) {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  return fetch(`/api/v1/${path}`, init);
}

/** Show a warning over the page, or none. */
export function warn(text) {
  if ($("banner").textContent !== text) $("banner").textContent = text;
  $("banner").hidden = !text;
}

/** Show what is there for a user, or the log-in. */
export function showView(loggedIn, user) {
  document.body.dataset.view = loggedIn ? "home" : "login";
  $("login").hidden = loggedIn;
  $("home").hidden = !loggedIn;
  $("log-out").hidden = !loggedIn;
  $("who").textContent = loggedIn ? user : "";
}

/** A moment in the reader's own words, with the exact one for machines; `seconds` for what has happened. */
export function moment(iso, { seconds = true } = {}) {
  return el("time", { datetime: iso, text: inWords(iso, seconds) });
}

function inWords(iso, seconds) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: seconds ? "medium" : "short" });
}

/** A text of the portal, with the moments in it as the reader writes them. */
export function legible(text) {
  return text.replace(/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)/g, (iso) => inWords(iso, true));
}

/** Replace what a place shows, but only if it is new: a poll must not take the focus from whoever works there. */
export function replaceIfNew(place, data, make) {
  const seen = JSON.stringify(data);
  if (place.dataset.seen === seen) return;
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  place.dataset.seen = seen;
  place.replaceChildren(...make());
  if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Move the focus on from where the user acted, unless the user was faster and has gone elsewhere. */
function passFocus(from, to) {
  if ([from, document.body, null].includes(document.activeElement)) to.focus();
}

/** Ask a question in the page's dialog; whether the answer was yes. */
export function ask(title, text, yes) {
  const dialog = $("question");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = text;
  dialog.querySelector("[value=yes]").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

let fading = null;

/** Tell what was done, for a while. */
export function say(text) {
  $("status").textContent = text;
  clearTimeout(fading);
  if (text) fading = setTimeout(() => { $("status").textContent = ""; }, 8000);
}

/** The values of a form's fields. */
export function values(form) {
  const found = Object.fromEntries(new FormData(form));
  for (const input of form.querySelectorAll("input[type=datetime-local]")) {
    found[input.name] = new Date(input.value).toISOString();
  }
  return found;
}

function localTime(iso) {
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

/**
 * A list of items that can be added to, edited and deleted.
 *
 * The section holds an `ul`, a form to add with (its fields are those of an item) and an `.error`. `act(method, path,
 * body)` answers {ok, message, answer}, or null if the page is about to be left. `describe(item)` gives what a row shows.
 */
export class EditableList {
  constructor(section, { act, describe }) {
    Object.assign(this, { section, act, describe });
    this.collection = section.dataset.collection;
    this.list = section.querySelector("ul.items");
    this.form = section.querySelector("form.add");
    this.error = this.form.querySelector(".error");
    this.empty = section.querySelector(".empty");
    this.items = [];
    this.editing = null;
    this.form.addEventListener("submit", (event) => this.add(event));
  }

  /** Ask for the items again. A row that is being edited stays as it is. */
  async load() {
    const result = await this.act("GET", this.collection);
    if (!result?.ok) return;
    this.items = result.answer.items;
    if (this.editing === null) this.show();
  }

  show() {
    replaceIfNew(this.list, this.items, () => this.items.map((item) => this.row(item)));
    this.empty.hidden = this.items.length > 0;
  }

  clear() {
    this.editing = null;
    this.items = [];
    this.show();
  }

  name(item) {
    return item[this.fields()[0].name];
  }

  fields() {
    return [...this.form.querySelectorAll("input")];
  }

  row(item) {
    const error = el("p", { class: "error", role: "alert" });
    const button = (text, act) => el("button", {
      type: "button", class: "quiet", text, "aria-label": `${text} ${this.name(item)}`,
      "data-key": `${item.id}-${text}`, onclick: act,
    });
    const edit = button("Edit", () => this.edit(item, li));
    const remove = button("Delete", () => this.remove(item, li, error));
    const li = el("li", { "data-id": item.id },
      el("div", { class: "row" }, el("div", { class: "what" }, ...this.describe(item)),
        el("div", { class: "acts" }, edit, remove)),
      error);
    return li;
  }

  edit(item, li) {
    this.leave();
    this.editing = item.id;
    const inputs = this.fields().map((field) => {
      const input = field.cloneNode();
      input.id = `edit-${this.collection.replace("/", "-")}-${field.name}`;
      input.value = field.type === "datetime-local" ? localTime(item[field.name]) : item[field.name];
      const label = this.form.querySelector(`label[for="${field.id}"]`).textContent;
      return el("div", { class: "field" }, el("label", { for: input.id, text: label }), input);
    });
    const error = el("p", { class: "error", role: "alert" });
    const form = el("form", { class: "edit", "aria-label": `Edit ${this.name(item)}` }, ...inputs,
      el("div", { class: "buttons" }, el("button", { text: "Save" }),
        el("button", { type: "button", class: "quiet", text: "Cancel", onclick: () => this.leave(item) })),
      error);
    form.addEventListener("submit", (event) => this.save(event, item, error));
    form.addEventListener("keydown", (event) => { if (event.key === "Escape") this.leave(item); });
    li.replaceChildren(form);
    form.querySelector("input").focus();
  }

  /** Stop editing, and go back to where it began. */
  leave(item) {
    if (this.editing === null) return;
    this.editing = null;
    delete this.list.dataset.seen;
    const within = this.list.contains(document.activeElement);
    this.show();
    if (item && within) this.list.querySelector(`[data-key="${CSS.escape(`${item.id}-Edit`)}"]`)?.focus();
  }

  async save(event, item, error) {
    event.preventDefault();
    const result = await this.tried(error, "PUT", `${this.collection}/${item.id}`, values(event.target));
    if (!result) return;
    this.items = this.items.map((one) => (one.id === item.id ? result.answer : one));
    this.leave(item);
    say(`${this.name(result.answer)} is changed.`);
    await this.load();
  }

  async remove(item, li, error) {
    const from = document.activeElement;
    if (!await this.tried(error, "DELETE", `${this.collection}/${item.id}`)) return;
    const place = this.items.findIndex((one) => one.id === item.id);
    say(`${this.name(item)} is deleted.`);
    li.remove(); // for a list that waits because another row is being edited
    await this.load();
    const next = this.list.children[Math.min(place, this.list.children.length - 1)];
    passFocus(from, next?.querySelector("button") ?? this.fields()[0]);
  }

  async add(event) {
    event.preventDefault();
    const from = document.activeElement;
    const result = await this.tried(this.error, "POST", this.collection, values(this.form));
    if (!result) return;
    this.form.reset();
    say(`${this.name(result.answer)} is added.`);
    await this.load();
    passFocus(from, this.fields()[0]);
  }

  async tried(error, method, path, body) {
    error.textContent = "";
    try {
      const result = await this.act(method, path, body);
      if (result && !result.ok) error.textContent = result.message;
      return result?.ok ? result : null;
    } catch {
      error.textContent = "No answer: it is not known whether this was stored.";
      return null;
    }
  }
}
