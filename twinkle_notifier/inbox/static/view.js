// The selected message, as its service would show it, with what was refused and why, and the request beside it.

import { el, kept } from "./dom.js";
import { read } from "./chats.js";
import { languageIs, say, service, time } from "./words.js";

const BODY = 65536; // bytes of a request that the inbox keeps
const DEPTH = 40; // within which JSON is laid out: each level makes each line longer, 64 KB become gigabytes
const LAID_OUT = 262144; // characters

export const view = { shape: kept("shape") ?? "phone", isLaidOut: false };

export const badge = (kind, words) => el("span", { class: `badge is-${kind}` }, words);

export const mark = (name) => el("span", { class: `mark mark-${name}`, "aria-hidden": "true" }, name[0]);

// What came to no robot is none, whatever it holds.
const isMessage = ({ service }) => service !== "unknown";

export function show(place, arrival) {
  const shown = read(arrival);
  const shape = view.shape === "desktop" ? desktop : phone;
  place.replaceChildren(
    el(
      "div",
      { class: "stage" },
      heading(arrival, shown),
      ...reasons(arrival, shown),
      isMessage(arrival) ? shape(arrival, shown) : null,
    ),
    request(arrival),
  );
}

function heading(arrival, shown) {
  const hint = arrival.level === "unknown" ? { title: say("It shows no level") } : {};
  return el(
    "div",
    { class: "about" },
    el("h2", {}, isMessage(arrival) ? shown.title || say("Request") : say("Not a message")),
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
  const meaning = arrival.meaning?.[languageIs()];
  if (arrival.result === "refused") {
    notes.push(
      el(
        "div",
        { class: "why" },
        el("p", {}, el("b", {}, say("Refused: {code} {words}", arrival))),
        meaning ? el("p", {}, say("What it means: {meaning}", { meaning })) : null,
        el("p", {}, say(isMessage(arrival) ? "The chat would not show it." : "It came to no robot, so no chat would show it.")),
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

const clock = (arrival) => time(arrival.at, true);

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

function drawn(shown, isPhone) {
  const empty = (words) => el("p", { class: "empty" }, words);
  try {
    return shown.body?.(isPhone) ?? empty(say("This request holds no message that could be shown."));
  } catch {
    return empty(say("This message cannot be drawn. Its request is beside it."));
  }
}

function message(arrival, shown, isPhone) {
  return el(
    "div",
    { class: "said" },
    el("span", { class: "face", "aria-hidden": "true" }, "t"),
    el(
      "div",
      { class: "words" },
      el("p", { class: "who" }, el("b", {}, "twinkle"), el("span", { class: "tag" }, say("robot")), el("small", {}, clock(arrival))),
      el("div", { class: "bubble" }, drawn(shown, isPhone)),
    ),
  );
}

function laidOut(body) {
  try {
    const content = JSON.parse(body);
    const made = depth(body) <= DEPTH ? JSON.stringify(content, null, 2) : body;
    return made.length <= LAID_OUT ? made : body;
  } catch {
    return body;
  }
}

function depth(json) {
  let here = 0;
  let most = 0;
  for (const [sign] of json.replace(/"(?:[^"\\]|\\.)*"/g, "").matchAll(/[[\]{}]/g)) {
    here += sign === "[" || sign === "{" ? 1 : -1;
    most = Math.max(most, here);
  }
  return most;
}

// A sign that shows nothing, or turns the line round, is written by its number.
function visible(body) {
  const number = (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return body.replace(/(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/gu, (sign) => sign.replace(/[^]/g, number));
}

function request(arrival) {
  const body = el("pre", { class: "raw", tabindex: "0", "aria-label": say("Request") });
  const show = () => (body.textContent = visible(view.isLaidOut ? laidOut(arrival.body) : arrival.body));
  const choice = el("select", { "aria-label": say("Request") });
  choice.append(new Option(say("As it came"), ""), new Option(say("Well laid out"), "laid", false, view.isLaidOut));
  choice.addEventListener("change", () => ((view.isLaidOut = choice.value === "laid"), show()));
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
