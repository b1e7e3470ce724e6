// Markdown as far as a chat knows it. A dialect says what that is; all else stays as it was written.
//
// fences, code, tables, lists, rules, italic, strike, images: whether it knows them. quotes: how deep. hardBreaks: a
// line's end is one. escapes: it knows the backslash. entities: it knows "&lt;". tag(name, attributes, inside): the
// element of a tag such as <font color="red">, or null.

import { el, link, own } from "./dom.js";

const SPAN = 5000; // characters within which a mark must be closed
const DEPTH = 8;
const ITEM = /^(\s*)([-+*]|\d{1,9}[.)])\s+(\S.*)$/;
const QUOTE = /^ {0,3}> ?/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const FENCE = /^ {0,3}(`{3,})([^`]*)$/;
const COLUMNS = /^\s*\|?(?:\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?\s*$/;
const ENTITIES = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", nbsp: "\u00a0" };

export function markdown(source, dialect) {
  return blocks(source.replace(/\r\n?/g, "\n").split("\n"), dialect, 0);
}

function blocks(lines, dialect, depth) {
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const [node, next] = block(lines, at, dialect, depth);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

function block(lines, at, dialect, depth) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  const fence = dialect.fences && FENCE.exec(line);
  if (fence) return fenced(lines, at, fence[1]);
  const heading = HEADING.exec(line);
  if (heading) {
    const words = heading[2].replace(/[ \t]#+[ \t]*$/, "");
    return [el("p", { class: `h h${heading[1].length}` }, inline(words, dialect)), at + 1];
  }
  if (dialect.rules && RULE.test(line)) return [el("hr"), at + 1];
  if (depth < dialect.quotes && QUOTE.test(line)) return quoted(lines, at, dialect, depth);
  if (dialect.lists && depth < DEPTH && ITEM.test(line)) return listed(lines, at, dialect, depth);
  if (dialect.tables && line.includes("|") && isColumns(lines[at + 1])) return table(lines, at, dialect);
  return paragraph(lines, at, dialect, depth);
}

function isColumns(line) {
  return line !== undefined && line.length < 1000 && line.includes("|") && COLUMNS.test(line);
}

function fenced(lines, at, marks) {
  let end = at + 1;
  while (end < lines.length && !(lines[end].trim().startsWith(marks) && /^`+$/.test(lines[end].trim()))) end++;
  const code = lines.slice(at + 1, end).join("\n");
  return [el("pre", { tabindex: "0" }, el("code", {}, code)), end + 1];
}

function quoted(lines, at, dialect, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  const inside = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [el("blockquote", {}, blocks(inside, dialect, depth + 1)), end];
}

function listed(lines, start, dialect, depth) {
  const first = ITEM.exec(lines[start]);
  const indent = first[1].length;
  const isOrdered = (item) => /\d/.test(item[2]);
  const isNext = (item) => item && item[1].length <= indent + 1 && isOrdered(item) === isOrdered(first);
  const items = [];
  let at = start;
  for (; at < lines.length; at++) {
    const line = lines[at];
    const item = ITEM.exec(line);
    if (isNext(item)) items.push([item[3]]);
    else if (!line.trim()) {
      const next = lines[at + 1] ?? "";
      if (!/^\s{2,}\S/.test(next) && !isNext(ITEM.exec(next))) break;
      items.at(-1).push("");
    } else if (/^\s{2,}/.test(line) || (!startsBlock(line, dialect) && lines[at - 1].trim())) {
      items.at(-1).push(line.replace(/^\s{1,4}/, ""));
    } else break;
  }
  const nodes = items.map((item) => el("li", {}, blocks(item, dialect, depth + 1)));
  const begin = isOrdered(first) ? { start: parseInt(first[2], 10) } : {};
  return [el(isOrdered(first) ? "ol" : "ul", begin, nodes), at];
}

function table(lines, start, dialect) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").slice(0, 20).map((cell) => cell.trim());
  const row = (line, name) => el("tr", {}, cells(line).map((cell) => el(name, {}, inline(cell, dialect))));
  let end = start + 2;
  while (end < lines.length && lines[end].includes("|")) end++;
  const body = lines.slice(start + 2, end).map((line) => row(line, "td"));
  return [el("table", {}, el("thead", {}, row(lines[start], "th")), el("tbody", {}, body)), end];
}

function startsBlock(line, dialect) {
  return (
    HEADING.test(line) ||
    (dialect.fences && FENCE.test(line)) ||
    (dialect.rules && RULE.test(line)) ||
    (dialect.quotes > 0 && QUOTE.test(line)) ||
    (dialect.lists && ITEM.test(line))
  );
}

function paragraph(lines, start, dialect) {
  let end = start + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines[end], dialect)) end++;
  return [el("p", {}, inline(lines.slice(start, end).join("\n"), dialect)), end];
}

// What stands in a line: each reader returns [node or text, where it ends], or null if nothing of its kind is there.

function inline(source, dialect, depth = 0) {
  const nodes = [];
  let plain = "";
  let at = 0;
  while (at < source.length) {
    const read = depth < DEPTH ? READERS[source[at]] : undefined;
    const found = read && read(source, at, dialect, depth);
    if (!found) plain += source[at++];
    else {
      if (typeof found[0] === "string") plain += found[0];
      else nodes.push(...spill(plain), found[0]), (plain = "");
      at = found[1];
    }
  }
  return [...nodes, ...spill(plain)];
}

const spill = (plain) => (plain ? [plain] : []);

const READERS = {
  "\\": (source, at, dialect) =>
    dialect.escapes && /[!-/:-@[-`{-~]/.test(source[at + 1] ?? "") ? [source[at + 1], at + 2] : null,
  "\n": (source, at, dialect) => {
    const isHard = dialect.hardBreaks || source.slice(Math.max(0, at - 2), at) === "  ";
    return [isHard ? el("br") : " ", at + 1];
  },
  "`": (source, at, dialect) => {
    if (!dialect.code) return null;
    const marks = /^`+/.exec(source.slice(at, at + 20))[0];
    const end = source.indexOf(marks, at + marks.length);
    const code = end < 0 ? "" : source.slice(at + marks.length, end);
    return code && !code.includes("\n") ? [el("code", {}, code.replace(/^ (.*) $/, "$1")), end + marks.length] : null;
  },
  "*": (source, at, dialect, depth) => emphasis(source, at, dialect, depth, "*"),
  _: (source, at, dialect, depth) =>
    /\w/.test(source[at - 1] ?? "") ? null : emphasis(source, at, dialect, depth, "_"),
  "~": (source, at, dialect, depth) => (dialect.strike ? marked(source, at, dialect, depth, "~~", "s") : null),
  "[": (source, at, dialect, depth) => {
    const found = address(source, at);
    return found ? [link(found.url, ...inline(found.words, dialect, depth + 1)), found.end] : null;
  },
  "!": (source, at, dialect) => {
    const found = dialect.images && source[at + 1] === "[" && address(source, at + 1);
    return found ? [el("span", { class: "picture" }, link(found.url, found.words || found.url)), found.end] : null;
  },
  "<": (source, at, dialect, depth) => (dialect.tag ? tagged(source, at, dialect, depth) : null),
  "&": (source, at, dialect) => {
    const found = dialect.entities && /^&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,8}));/i.exec(source.slice(at, at + 12));
    if (!found) return null;
    const code = found[1] ? parseInt(found[1], 10) : parseInt(found[2], 16);
    const sign = found[3] ? own(ENTITIES, found[3]) : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    return sign === undefined ? null : [sign, at + found[0].length];
  },
  h: (source, at) => {
    if (/\w/.test(source[at - 1] ?? "")) return null;
    const url = /^https?:\/\/[^\s<>"'`|）》，。；]+/.exec(source.slice(at, at + 2000));
    if (!url) return null;
    const whole = url[0].replace(/[.,;:!?)\]*_]+$/, "");
    return [link(whole), at + whole.length];
  },
};

function emphasis(source, at, dialect, depth, mark) {
  return (
    marked(source, at, dialect, depth, mark + mark, "strong") ??
    (dialect.italic ? marked(source, at, dialect, depth, mark, "em") : null)
  );
}

function marked(source, at, dialect, depth, marks, name) {
  const begin = at + marks.length;
  if (!source.startsWith(marks, at) || /\s/.test(source[begin] ?? " ")) return null;
  const within = source.slice(begin, begin + SPAN);
  for (let end = within.indexOf(marks, 1); end > 0; end = within.indexOf(marks, end + 1)) {
    const isOpen = /\s|\\/.test(within[end - 1]) || (marks[0] === "_" && /\w/.test(within[end + marks.length] ?? ""));
    if (isOpen || (marks.length === 1 && within[end + 1] === marks)) continue;
    return [el(name, {}, inline(within.slice(0, end), dialect, depth + 1)), begin + end + marks.length];
  }
  return null;
}

function address(source, at) {
  const found = /^\[([^\]\n]{0,1000})\]\(([^)\s]{1,2000})\)/.exec(source.slice(at, at + 3010));
  return found && { words: found[1], url: found[2], end: at + found[0].length };
}

function tagged(source, at, dialect, depth) {
  const found = /^<(@|\w+)([^<>\n]{0,300}?)\/?>/.exec(source.slice(at, at + 320));
  if (!found) return null;
  const [whole, name, rest] = found;
  const begin = at + whole.length;
  const close = source.slice(begin, begin + SPAN).indexOf(`</${name}>`);
  const inside = close < 0 ? "" : source.slice(begin, begin + close);
  const node = dialect.tag(name, rest.trim(), () => inline(inside, dialect, depth + 1));
  const isEmpty = name === "br" || name === "@" || close < 0;
  return node && [node, isEmpty ? begin : begin + close + name.length + 3];
}
