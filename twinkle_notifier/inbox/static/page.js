// The list of what arrived, newest first: live, filtered, and led by the keyboard.

import { clipped, el, keep, kept } from "./dom.js";
import { read } from "./chats.js";
import { languageIs, say, service, speak, time } from "./words.js";
import { badge, mark, show, view } from "./view.js";

const KEPT = 10000; // rows, as many as the inbox keeps
const TITLE = 200; // characters of one in the list
const SILENCE = 500; // ms between two things that are said aloud
const PATIENCE = 10000; // ms without a connection, after which the inbox is taken to have ended
const ENDED = "No connection. The inbox has ended, or was started anew: open the URL that it printed.";
const LEVELS = ["error", "warning", "success", "info", "unknown"];
const RESULTS = ["accepted", "refused", "repeated"];
const SERVICES = ["DingTalk", "Feishu", "WeCom", "Slack", "Bark", "Telegram", "ntfy", "Discord", "unknown"];

const $ = (id) => document.getElementById(id);
const feed = $("list");
const filters = $("filters");
const rows = []; // oldest first, each {arrival, title, node}
let shownRows = []; // newest first, those that the filters let through
let selected = null;
let isFollowing = true; // the newest message is selected as it arrives
let stream = null;
let state = "Connecting …";
let patience = 0; // the timer that says that the inbox has ended
let waiting = []; // for the next frame
let isDue = false; // the next frame shows what waits
let last = 0; // the number of the newest row
let oldest = 0; // the number of the oldest request that the inbox still keeps
let unsaid = 0; // messages that came since the last word
let day = new Date().toDateString();
const opened = Date.now();

// What arrives

// A browser has six connections to a host. A hidden tab gives its own back, and catches up when it is shown.
function listen() {
  redate();
  stream?.close();
  patience = clearTimeout(patience);
  if (document.hidden) return;
  const token = new URLSearchParams(location.search).get("token") ?? "";
  stream = new EventSource(`arrivals?token=${encodeURIComponent(token)}&last=${waiting.at(-1)?.number ?? last}`);
  stream.onopen = () => {
    patience = clearTimeout(patience);
    tell("Live");
  };
  stream.onerror = () => {
    patience ||= setTimeout(() => tell(ENDED), PATIENCE);
    if (stream.readyState === EventSource.CLOSED) tell(ENDED);
    else if (state !== ENDED) tell("Connecting …");
  };
  stream.onmessage = (event) => {
    waiting.push(JSON.parse(event.data));
    due();
  };
  stream.addEventListener("oldest", (event) => {
    oldest = Number(event.data);
    due();
  });
}

// All that came is shown at once, at most once a frame.
function due() {
  if (!isDue) requestAnimationFrame(take);
  isDue = true;
}

function tell(words) {
  state = words;
  $("state").textContent = say(state);
  $("state").className = words === "Live" ? "live" : "";
}

// A time has its date from the next day on.
function redate() {
  if (day === new Date().toDateString()) return;
  day = new Date().toDateString();
  rows.forEach(label);
}

function take() {
  isDue = false;
  redate();
  const fresh = waiting.filter(({ number }) => number > last && number >= oldest).slice(-KEPT).map(row);
  last = Math.max(last, ...waiting.slice(-1).map(({ number }) => number));
  waiting = [];
  rows.push(...fresh);
  feed.prepend(...fresh.map(({ node }) => node).reverse());
  const place = rows.findIndex(({ arrival }) => arrival.number >= oldest);
  const gone = rows.splice(0, Math.max(place < 0 ? rows.length : place, rows.length - KEPT));
  gone.forEach(({ node }) => node.remove());
  if (!fresh.length && !gone.length) return;
  filter();
  const news = fresh.filter(({ arrival }) => arrival.at * 1000 >= opened).length;
  if (news && !unsaid) setTimeout(announce, SILENCE);
  unsaid += news;
}

function announce() {
  const count = unsaid;
  const newest = rows.at(-1);
  unsaid = 0;
  if (!newest) return;
  const { arrival, title } = newest;
  const values = { count, service: service(arrival.service), title, badges: badges(arrival).join(", ") };
  $("news").textContent = say(
    count > 1 ? "{count} new, the last: {service}, {title}, {badges}" : "New: {service}, {title}, {badges}",
    values,
  );
}

const badges = ({ level, result }) => [say(level), ...(result === "accepted" ? [] : [say(result)])];

function row(arrival) {
  const { title, preview } = read(arrival);
  const id = `m${arrival.number}`;
  const node = el("article", { class: "row", tabindex: "-1", "aria-labelledby": `${id} ${id}t`, "aria-describedby": `${id}b` });
  const made = { arrival, title: clipped(title || preview || arrival.line, TITLE), node };
  node.addEventListener("click", () => select(made, true));
  node.addEventListener("focus", () => select(made));
  label(made);
  return made;
}

function label({ arrival, title, node }) {
  const id = `m${arrival.number}`;
  const isRefused = arrival.result === "refused";
  node.replaceChildren(
    mark(arrival.service),
    el(
      "div",
      {},
      el("p", { class: "from", id }, el("b", {}, service(arrival.service)), el("time", {}, time(arrival.at))),
      el("p", { class: "title", id: `${id}t` }, title),
      el(
        "p",
        { class: "badges", id: `${id}b` },
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
  if (isReading()) return;
  if (selected?.node.hidden || !selected?.node.isConnected) isFollowing = true; // it is not in the list any more
  if (isFollowing) select(shownRows[0] ?? null);
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

// Who is in a message with the keyboard stays there.
const isReading = () => $("message").contains(document.activeElement);

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
  if (event.key === "Escape") {
    if (event.target === filters.elements.search) { // Chromium empties it, and tells nobody if the focus leaves
      event.target.value = "";
      filter();
    }
    return move(here());
  }
  const inList = event.target === document.body || feed.contains(event.target);
  const does = (inList && IN_LIST[event.key]) || (!isTyping && $("keys").checked && KEYS[event.key]);
  if (does) event.preventDefault(), does();
});

// The switches

function shape(chosen) {
  view.shape = chosen;
  keep("shape", chosen);
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === chosen));
  }
  const wasReading = isReading();
  if (selected) show($("message"), selected.arrival);
  if (wasReading) $("message").focus(); // what had it is drawn anew
}

function theme(chosen) {
  keep("theme", chosen);
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
filters.addEventListener("submit", (event) => (event.preventDefault(), move(here())));
document.addEventListener("visibilitychange", listen);
document.querySelectorAll("[data-view]").forEach((button) => button.addEventListener("click", () => shape(button.dataset.view)));
$("theme").addEventListener("change", () => theme($("theme").value));
$("language").addEventListener("change", () => language($("language").value));
$("ask").addEventListener("click", () => $("help").showModal());
$("keys").checked = kept("keys") !== "off";
$("keys").addEventListener("change", () => keep("keys", $("keys").checked ? "on" : "off"));
theme(kept("theme") ?? "");
shape(view.shape);
language(languageIs());
filter();
listen();
