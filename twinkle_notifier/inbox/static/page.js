// The list of what arrived, newest first: live, filtered, and led by the keyboard.

import { el } from "./dom.js";
import { read } from "./chats.js";
import { languageIs, say, service, speak, time } from "./words.js";
import { badge, mark, show, view } from "./view.js";

const KEPT = 10000; // rows, as many as the inbox keeps
const LEVELS = ["error", "warning", "success", "info", "unknown"];
const RESULTS = ["accepted", "refused", "repeated"];
const SERVICES = ["DingTalk", "Feishu", "WeCom", "Slack", "Bark", "ntfy", "Discord"];

const $ = (id) => document.getElementById(id);
const feed = $("list");
const filters = $("filters");
const rows = []; // oldest first, each {arrival, shown, node}
let shownRows = []; // newest first, those that the filters let through
let selected = null;
let isFollowing = true; // the newest message is selected as it arrives
let waiting = [];
let state = "Connecting …";
let last = 0;

// What arrives

function listen() {
  const token = new URLSearchParams(location.search).get("token") ?? "";
  const stream = new EventSource(`arrivals?token=${encodeURIComponent(token)}`);
  stream.onopen = () => tell("Live");
  stream.onerror = () =>
    tell(
      stream.readyState === EventSource.CLOSED
        ? "No connection. The inbox has ended, or was started anew: open the URL that it printed."
        : "Connecting …",
    );
  stream.onmessage = (event) => {
    if (!waiting.length) setTimeout(take); // all that came at once is shown at once, in a hidden tab, too
    waiting.push(JSON.parse(event.data));
  };
}

function tell(words) {
  state = words;
  $("state").textContent = say(state);
  $("state").className = words === "Live" ? "live" : "";
}

function take() {
  const fresh = waiting.filter((arrival) => arrival.number > last).map(row);
  waiting = [];
  if (!fresh.length) return;
  const isFirst = rows.length === 0;
  last = fresh.at(-1).arrival.number;
  rows.push(...fresh);
  feed.prepend(...fresh.map(({ node }) => node).reverse());
  for (const { node } of rows.splice(0, Math.max(0, rows.length - KEPT))) node.remove();
  filter();
  const newest = fresh.at(-1);
  if (!isFirst) $("news").textContent = say("New: {service}, {title}", labels(newest));
}

const labels = ({ arrival, shown }) => ({ service: service(arrival.service), title: shown.title || arrival.words });

function row(arrival) {
  const { title, preview } = read(arrival);
  const shown = { title, preview };
  const id = `m${arrival.number}`;
  const node = el("article", { class: "row", tabindex: "-1", "aria-labelledby": `${id} ${id}t` });
  const made = { arrival, shown, node };
  node.addEventListener("click", () => select(made, true));
  node.addEventListener("focus", () => select(made));
  label(made);
  return made;
}

function label({ arrival, shown, node }) {
  const id = `m${arrival.number}`;
  const isRefused = arrival.result === "refused";
  node.replaceChildren(
    mark(arrival.service),
    el(
      "div",
      {},
      el("p", { class: "from", id }, el("b", {}, service(arrival.service)), el("time", {}, time(arrival.at))),
      el("p", { class: "title", id: `${id}t` }, shown.title || shown.preview || arrival.line),
      el(
        "p",
        { class: "badges" },
        badge(arrival.level, say(arrival.level)),
        arrival.result === "accepted" ? null : badge(arrival.result, say(arrival.result)),
        isRefused ? el("span", { class: "code" }, `${arrival.code} ${arrival.words}`) : null,
      ),
    ),
  );
}

// The filters

function filter() {
  const wanted = Object.fromEntries(new FormData(filters));
  const search = wanted.search.toLowerCase();
  const fits = ({ arrival }) =>
    (!wanted.service || wanted.service === arrival.service) &&
    (!wanted.level || wanted.level === arrival.level) &&
    (!wanted.result || wanted.result === arrival.result) &&
    (!search || arrival.body.toLowerCase().includes(search) || arrival.words.toLowerCase().includes(search));
  shownRows = [];
  for (let at = rows.length - 1; at >= 0; at--) {
    const isShown = fits(rows[at]);
    rows[at].node.hidden = !isShown;
    if (isShown) shownRows.push(rows[at]);
  }
  shownRows.forEach(({ node }, place) => node.setAttribute("aria-posinset", place + 1));
  shownRows.forEach(({ node }) => node.setAttribute("aria-setsize", shownRows.length));
  count();
  if (isFollowing || !selected || selected.node.hidden || !selected.node.isConnected) select(shownRows[0] ?? null);
}

function count() {
  const isFiltered = shownRows.length !== rows.length;
  $("count").textContent = isFiltered ? say("{shown} of {all}", { shown: shownRows.length, all: rows.length }) : rows.length;
  document.title = `${say("Inbox")} (${rows.length})`;
  $("none").hidden = shownRows.length > 0;
  $("none").replaceChildren(
    say(rows.length ? "No message fits the filters." : "Nothing has arrived yet."),
    ...(rows.length ? [] : [el("br"), say("Send a message to one of the URLs that the inbox printed, for example:")]),
    ...(rows.length ? [] : [el("code", {}, `twinkle-notifier send hello --to '${location.origin}/…'`)]),
  );
}

// The selection

function select(made, isByHand = false) {
  if (isByHand) isFollowing = made === shownRows[0];
  if (made === selected) return;
  selected?.node.removeAttribute("aria-current");
  selected?.node.setAttribute("tabindex", "-1");
  selected = made;
  selected?.node.setAttribute("aria-current", "true");
  selected?.node.setAttribute("tabindex", "0");
  if (selected) show($("message"), selected.arrival);
  else $("message").replaceChildren();
}

function move(to) {
  const made = shownRows[Math.max(0, Math.min(shownRows.length - 1, to))];
  if (!made) return;
  select(made, true);
  made.node.focus({ preventScroll: true });
  made.node.scrollIntoView({ block: "nearest" });
}

// The keyboard

const here = () => shownRows.indexOf(selected);
const KEYS = {
  j: () => move(here() + 1),
  k: () => move(here() - 1),
  "/": () => filters.elements.search.focus(),
  p: () => shape("phone"),
  d: () => shape("desktop"),
  r: () => document.querySelector(".raw")?.focus(),
  "?": () => $("help").showModal(),
};
const IN_LIST = {
  ArrowDown: KEYS.j,
  ArrowUp: KEYS.k,
  PageDown: () => move(here() + 10),
  PageUp: () => move(here() - 10),
  Home: () => move(0),
  End: () => move(shownRows.length - 1),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const isTyping = event.target.matches("input, select, textarea");
  if (event.key === "Escape") return void move(here());
  const inList = event.target === document.body || feed.contains(event.target);
  const does = (inList && IN_LIST[event.key]) || (!isTyping && $("keys").checked && KEYS[event.key]);
  if (does) event.preventDefault(), does();
});

// The switches

function shape(chosen) {
  view.shape = chosen;
  localStorage.setItem("shape", chosen);
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === chosen));
  }
  if (selected) show($("message"), selected.arrival);
}

function theme(chosen) {
  localStorage.setItem("theme", chosen);
  document.documentElement.dataset.theme = chosen;
  $("theme").value = chosen;
}

function choices(name, values, words) {
  const all = el("option", { value: "", "data-say": "All" }, say("All"));
  const each = values.map((value) => el("option", { value, [words]: value }, value));
  filters.elements[name].replaceChildren(all, ...each);
}

function language(chosen) {
  speak(chosen);
  $("language").value = languageIs();
  tell(state);
  rows.forEach(label);
  count();
  if (selected) show($("message"), selected.arrival);
}

choices("service", SERVICES, "data-service");
choices("level", LEVELS, "data-say");
choices("result", RESULTS, "data-say");
filters.addEventListener("input", filter);
filters.addEventListener("submit", (event) => event.preventDefault());
document.querySelectorAll("[data-view]").forEach((button) => button.addEventListener("click", () => shape(button.dataset.view)));
$("theme").addEventListener("change", () => theme($("theme").value));
$("language").addEventListener("change", () => language($("language").value));
$("ask").addEventListener("click", () => $("help").showModal());
$("keys").checked = localStorage.getItem("keys") !== "off";
$("keys").addEventListener("change", () => localStorage.setItem("keys", $("keys").checked ? "on" : "off"));
theme(localStorage.getItem("theme") ?? "");
shape(view.shape);
language(languageIs());
filter();
listen();
