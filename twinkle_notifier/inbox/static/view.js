// The selected message, as its service would show it, with what was refused and why, and the request beside it.

import { el } from "./dom.js";
import { read } from "./chats.js";
import { say, service, time } from "./words.js";

const BODY = 65536; // bytes of a request that the inbox keeps

export const view = { shape: localStorage.getItem("shape") ?? "phone", isRaw: false };

export const badge = (kind, words) => el("span", { class: `badge is-${kind}` }, words);

export const mark = (name) => el("span", { class: `mark mark-${name}`, "aria-hidden": "true" }, name[0]);

export function show(place, arrival) {
  const shown = read(arrival);
  const shape = view.shape === "desktop" ? desktop : phone;
  place.replaceChildren(
    el(
      "div",
      { class: "stage" },
      heading(arrival, shown),
      ...reasons(arrival, shown),
      shape(arrival, shown),
    ),
    request(arrival),
  );
}

function heading(arrival, shown) {
  const hint = arrival.level === "unknown" ? { title: say("It shows no level") } : {};
  return el(
    "div",
    { class: "about" },
    el("h2", {}, shown.title || say("Request")),
    el(
      "p",
      {},
      mark(arrival.service),
      el("b", {}, service(arrival.service)),
      el("time", { datetime: new Date(arrival.at * 1000).toISOString() }, time(arrival.at)),
      el("span", hint, badge(arrival.level, say(arrival.level))),
      badge(arrival.result, say(arrival.result)),
    ),
  );
}

function reasons(arrival, shown) {
  const notes = [];
  if (arrival.result === "refused") {
    notes.push(
      el(
        "div",
        { class: "why" },
        el("p", {}, el("b", {}, say("Refused: {code} {words}", arrival))),
        arrival.meaning ? el("p", {}, say("What it means: {meaning}", arrival)) : null,
        el("p", {}, say("The chat would not show it.")),
      ),
    );
  }
  if (arrival.result === "repeated") {
    notes.push(el("p", { class: "why" }, say("Accepted, but not shown: it repeats a message that the robot has accepted.")));
  }
  if (shown.note) notes.push(el("p", { class: "note" }, say(shown.note)));
  return notes;
}

const kindOf = (arrival) => `chat chat-${arrival.service}${arrival.result === "accepted" ? "" : " unsent"}`;

function phone(arrival, shown) {
  return el(
    "div",
    { class: "phone" },
    el("div", { class: "bar", "aria-hidden": "true" }, el("span", {}, clock(arrival)), el("span", {}, "▂▄▆ ▮")),
    arrival.result === "accepted" ? locked(arrival, shown) : null,
    el(
      "div",
      { class: kindOf(arrival), role: "group", "aria-label": say("Chat") },
      el("div", { class: "top" }, el("span", { "aria-hidden": "true" }, "‹"), el("b", {}, say("Training alerts"))),
      message(arrival, shown, true),
    ),
  );
}

const clock = (arrival) => time(arrival.at, { hour: "2-digit", minute: "2-digit" });

function locked(arrival, shown) {
  const preview = shown.preview || say("A phone shows no line: the message has no text of its own.");
  const isPush = arrival.service === "Bark" || arrival.service === "ntfy";
  return el(
    "div",
    { class: "lock", role: "group", "aria-label": say("Lock screen") },
    mark(arrival.service),
    el(
      "div",
      {},
      el("p", { class: "from" }, el("b", {}, service(arrival.service)), el("span", {}, say("now"))),
      el("p", { class: "line" }, el("b", {}, isPush ? shown.title : say("Training alerts"))),
      el("p", { class: "line two" }, isPush ? preview : `twinkle: ${preview}`),
    ),
  );
}

function desktop(arrival, shown) {
  return el(
    "div",
    { class: "desk" },
    el(
      "div",
      { class: kindOf(arrival), role: "group", "aria-label": say("Chat") },
      el("div", { class: "top" }, el("b", {}, say("Training alerts"))),
      message(arrival, shown, false),
    ),
  );
}

function message(arrival, shown, isPhone) {
  const content = shown.body?.(isPhone) ?? [el("p", { class: "empty" }, say("This request holds no message that could be shown."))];
  return el(
    "div",
    { class: "said" },
    el("span", { class: "face", "aria-hidden": "true" }, "t"),
    el(
      "div",
      { class: "words" },
      el("p", { class: "who" }, el("b", {}, "twinkle"), el("span", { class: "tag" }, say("robot")), el("small", {}, clock(arrival))),
      el("div", { class: "bubble" }, content),
    ),
  );
}

function laidOut(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function request(arrival) {
  const body = el("pre", { class: "raw", tabindex: "0", "aria-label": say("Request") });
  const show = () => (body.textContent = view.isRaw ? arrival.body : laidOut(arrival.body));
  const choice = el("select", { "aria-label": say("Request") });
  choice.append(new Option(say("Well laid out"), ""), new Option(say("As it came"), "raw", false, view.isRaw));
  choice.addEventListener("change", () => ((view.isRaw = choice.value === "raw"), show()));
  show();
  return el(
    "aside",
    { class: "request", "aria-label": say("Request") },
    el("div", { class: "row-of" }, el("h3", {}, say("Request")), el("span", {}, say("{size} bytes", arrival)), choice),
    el("pre", { class: "line", tabindex: "0" }, `${arrival.line}\nContent-Type: ${arrival.type}`),
    body,
    arrival.size > BODY ? el("p", {}, say("Only its first 65,536 bytes are kept.")) : null,
    el("h3", {}, say("Answer")),
    el("pre", { class: "line", tabindex: "0" }, `HTTP ${arrival.status}\n${arrival.answer}`),
  );
}
