// Slack's blocks, and its own marks ("mrkdwn").

import { el, link, list, object, own, text } from "./dom.js";

const SPAN = 5000;
const FENCE = "```";
const MARKS = { "*": "strong", _: "em", "~": "s" };
const COLOURS = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };

export function mrkdwn(source) {
  const nodes = [];
  source.split(FENCE).forEach((part, place, parts) => {
    const isCode = place % 2 === 1 && place < parts.length - 1;
    if (isCode) nodes.push(el("pre", { tabindex: "0" }, el("code", {}, unescape(part.replace(/^\n|\n$/g, "")))));
    else nodes.push(...lines(place % 2 === 1 ? FENCE + part : part));
  });
  return nodes;
}

const unescape = (source) => source.replace(/&(lt|gt|amp);/g, (_, name) => ({ lt: "<", gt: ">", amp: "&" })[name]);

function lines(source) {
  const nodes = [];
  for (const [place, line] of source.split("\n").entries()) {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quote) nodes.push(el("blockquote", {}, inline(quote[1])));
    else nodes.push(...(place && nodes.at(-1)?.nodeName !== "BLOCKQUOTE" ? [el("br")] : []), ...inline(line));
  }
  return nodes;
}

function inline(source, depth = 0) {
  const nodes = [];
  let plain = "";
  for (let at = 0; at < source.length; ) {
    const found = depth < 6 && (code(source, at) ?? marked(source, at, depth) ?? angled(source, at));
    if (found) nodes.push(unescape(plain), found[0]), (plain = "");
    else plain += source[at];
    at = found ? found[1] : at + 1;
  }
  return [...nodes, unescape(plain)].filter((node) => node !== "");
}

function code(source, at) {
  const end = source[at] === "`" ? source.indexOf("`", at + 1) : -1;
  return end > at + 1 ? [el("code", {}, unescape(source.slice(at + 1, end))), end + 1] : null;
}

function marked(source, at, depth) {
  const mark = source[at];
  if (!MARKS[mark] || /\w/.test(source[at - 1] ?? "") || /\s/.test(source[at + 1] ?? " ")) return null;
  const within = source.slice(at + 1, at + SPAN);
  for (let end = within.indexOf(mark, 1); end > 0; end = within.indexOf(mark, end + 1)) {
    if (/\s/.test(within[end - 1]) || /\w/.test(within[end + 1] ?? "")) continue;
    return [el(MARKS[mark], {}, inline(within.slice(0, end), depth + 1)), at + end + 2];
  }
  return null;
}

function angled(source, at) {
  const found = source[at] === "<" && /^<([^<>|\n]{1,2000})(?:\|([^<>\n]{1,1000}))?>/.exec(source.slice(at, at + 3010));
  if (!found) return null;
  const [whole, target, words] = found;
  const name = target.replace(/^!subteam\^|^[!@#]/, "");
  const sign = target[0] === "#" ? "#" : "@";
  const isCall = /^[!@#]/.test(target);
  const node = isCall ? el("span", { class: "call" }, words ?? sign + name) : link(unescape(target), unescape(words ?? target));
  return [node, at + whole.length];
}

const words = (part) => (part.type === "mrkdwn" ? mrkdwn(text(part.text)) : [text(part.text)]);

const BLOCKS = {
  header: (block) => el("p", { class: "h h2" }, text(object(block.text).text)),
  divider: () => el("hr"),
  context: (block) => el("p", { class: "context" }, list(block.elements).flatMap((part) => words(object(part)))),
  section: (block) =>
    el(
      "div",
      { class: "section" },
      el("div", {}, words(object(block.text))),
      list(block.fields).length
        ? el("div", { class: "fields" }, list(block.fields).map((field) => el("div", {}, words(object(field)))))
        : null,
    ),
  rich_text: (block) => el("div", { class: "rich" }, list(block.elements).map((part) => rich(object(part)))),
};

const RICH = {
  rich_text_section: (part) => el("div", {}, pieces(part)),
  rich_text_quote: (part) => el("blockquote", {}, pieces(part)),
  rich_text_preformatted: (part) => el("pre", { tabindex: "0" }, el("code", {}, pieces(part))),
  rich_text_list: (part) =>
    el(part.style === "ordered" ? "ol" : "ul", {}, list(part.elements).map((item) => el("li", {}, pieces(object(item))))),
};

const rich = (part) => own(RICH, part.type)?.(part);

function pieces(part) {
  return list(part.elements).map((each) => {
    const piece = object(each);
    const style = object(piece.style);
    const call = text(piece.user_id) || text(piece.usergroup_id) || text(piece.range);
    const channel = text(piece.channel_id);
    let node = piece.type === "link" ? link(text(piece.url), text(piece.text) || text(piece.url)) : text(piece.text);
    if (call || channel) node = el("span", { class: "call" }, call ? `@${call}` : `#${channel}`);
    if (piece.type === "emoji") node = `:${text(piece.name)}:`;
    for (const [key, name] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"]]) {
      if (style[key] === true) node = el(name, {}, node);
    }
    return node;
  });
}

function blocks(given) {
  return list(given).map((each) => {
    const block = object(each);
    return own(BLOCKS, block.type)?.(block);
  });
}

function attachment(given) {
  const part = object(given);
  const colour = own(COLOURS, part.color) ?? (/^#[0-9a-f]{6}$/i.test(text(part.color)) ? part.color : "#8d8d8d");
  const inside = list(part.blocks).length
    ? blocks(part.blocks)
    : [el("strong", {}, text(part.title)), el("div", {}, mrkdwn(text(part.text) || text(part.fallback)))];
  const node = el("div", { class: "attachment" }, inside);
  node.style.setProperty("--bar", colour);
  return [part.pretext ? el("div", {}, mrkdwn(text(part.pretext))) : null, node];
}

export function slack(payload) {
  const line = text(payload.text);
  return {
    title: unescape(line.replace(/<[^<>]*>/g, "").trim()),
    preview: unescape(line.replace(/<[!@#]([^<>|]*)[^<>]*>/g, "@$1")),
    body: () => [
      el("div", {}, list(payload.blocks).length ? blocks(payload.blocks) : mrkdwn(line)),
      ...list(payload.attachments).flatMap(attachment),
    ],
  };
}
