// What each chat makes of a payload: its title, the line that a locked phone shows, and the message itself.

import { el, link, list, object, own, text } from "./dom.js";
import { markdown } from "./markdown.js";
import { slack } from "./slack.js";

const BASIC = { code: true, italic: true, lists: true, quotes: 3, images: true, rules: true, escapes: true };
// A phone of DingTalk shows no code; its desktop does, and tables, too.
const DINGTALK = {
  phone: { italic: true, lists: true, quotes: 3, images: true, escapes: true, entities: true },
  desktop: { ...BASIC, entities: true, fences: true, tables: true },
};
const FEISHU = { ...BASIC, quotes: 5, fences: true, tables: true, strike: true, entities: true, tag: ofFeishu };
const WECOM = { code: true, quotes: 1, hardBreaks: true, tag: ofWecom };
const WECOM_V2 = { ...BASIC, fences: true, tables: true, hardBreaks: true };
const FULL = { ...BASIC, quotes: 5, fences: true, tables: true, strike: true, hardBreaks: true };
const FEISHU_COLOURS = new Set(["red", "orange", "yellow", "green", "blue", "grey", "purple", "violet", "carmine"]);

const first = (source) => source.replace(/^[#>\s]+/, "").split("\n", 1)[0];
const bare = (source) => first(source).replace(/<[^<>]*>/g, "").replace(/\*\*|`/g, "");
const isTag = (source) => /<\/?[a-z][^<>]*>/i.test(source);
const plain = (source) => [el("div", { class: "text" }, source)];
const called = (name) => el("span", { class: "call" }, `@${name}`);

function ofFeishu(name, rest, inside) {
  const value = (key) => new RegExp(`${key}\\s*=\\s*["']?([\\w,.-]+)`).exec(rest)?.[1] ?? "";
  const colour = FEISHU_COLOURS.has(value("color")) ? value("color") : "grey";
  if (name === "br") return el("br");
  if (name === "at") return called(value("ids?"));
  if (name === "font") return el("span", { class: `fs-${colour}` }, inside());
  if (name === "text_tag") return el("span", { class: `tag fs-${colour}` }, inside());
  return null;
}

function ofWecom(name, rest, inside) {
  const colour = /^color\s*=\s*["'](info|comment|warning)["']$/.exec(rest)?.[1];
  if (name === "@") return called(rest);
  return name === "font" && colour ? el("span", { class: `wc-${colour}` }, inside()) : null;
}

function dingtalk(payload) {
  if (payload.msgtype === "text") {
    const said = text(object(payload.text).content);
    return { title: first(said), preview: said, body: () => plain(said) };
  }
  const { title, text: source } = object(payload.markdown);
  return {
    title: text(title),
    preview: text(title),
    note: isTag(text(source)) ? "It has an HTML tag: DingTalk's phones may show nothing of it." : "",
    body: (isPhone) => markdown(text(source), isPhone ? DINGTALK.phone : DINGTALK.desktop),
  };
}

const ELEMENTS = {
  markdown: (element) => el("div", { class: "element" }, markdown(text(element.content), FEISHU)),
  hr: () => el("hr"),
  div: (element) =>
    el(
      "div",
      { class: "element" },
      label(element.text),
      list(element.fields).map((field) => el("div", {}, label(object(field).text))),
    ),
  button: (element) => {
    const url = text(object(list(element.behaviors)[0]).default_url);
    return el("p", { class: "button" }, link(url, label(element.text)));
  },
  collapsible_panel: (element, depth) =>
    el(
      "details",
      { open: element.expanded === true },
      el("summary", {}, label(object(element.header).title)),
      elements(element.elements, depth + 1),
    ),
};

function label(given) {
  const { tag, content } = object(given);
  return tag === "plain_text" ? text(content) : el("span", {}, markdown(text(content), FEISHU));
}

function elements(given, depth = 0) {
  return list(given).map((each) => {
    const element = object(each);
    return depth < 10 ? own(ELEMENTS, element.tag)?.(element, depth) : null;
  });
}

function card(given) {
  const { header, body, config } = object(given);
  const { title, subtitle, template, text_tag_list: tags } = object(header);
  const words = text(object(title).content);
  const colour = /^[a-z]+$/.test(text(template)) ? template : "default";
  return {
    title: words,
    preview: text(object(object(config).summary).content) || words,
    body: () => [
      el(
        "div",
        { class: "card" },
        el(
          "div",
          { class: `head head-${colour}` },
          el("div", { class: "title-of" }, words),
          list(tags).map((tag) => el("span", { class: "tag" }, label(object(tag).text))),
          text(object(subtitle).content) ? el("small", {}, text(object(subtitle).content)) : null,
        ),
        el("div", { class: "elements" }, elements(object(body).elements)),
      ),
    ],
  };
}

function feishu(payload) {
  if (payload.msg_type === "interactive") return card(payload.card);
  const content = object(payload.content);
  if (payload.msg_type === "post") {
    const post = object(Object.values(object(content.post))[0]);
    const node = (part) =>
      part.tag === "a" ? link(text(part.href), text(part.text)) : part.tag === "at" ? called(text(part.user_id)) : text(part.text);
    const lines = list(post.content).map((line) => el("div", {}, list(line).map((part) => node(object(part)))));
    return { title: text(post.title), preview: text(post.title), body: () => [el("strong", {}, text(post.title)), ...lines] };
  }
  const said = text(content.text);
  const parts = said.split(/(<at [^<>]*>[^<]*<\/at>)/);
  const name = (at) => /<at user_id=["']?([\w-]+)/.exec(at)?.[1] ?? at;
  const body = () => [el("div", { class: "text" }, parts.map((part, place) => (place % 2 ? called(name(part)) : part)))];
  return { title: first(said), preview: bare(said), body };
}

function wecom(payload) {
  const kind = text(payload.msgtype);
  const content = object(own(payload, kind));
  const said = text(content.content);
  const whom = [...list(content.mentioned_list), ...list(content.mentioned_mobile_list)].map(text);
  const shown = {
    title: bare(said),
    preview: bare(said),
    body: () => markdown(said, kind === "markdown_v2" ? WECOM_V2 : WECOM),
  };
  if (kind !== "text") return shown;
  return { ...shown, body: () => [...plain(said), ...whom.map((name) => called(name.replace(/^@/, "")))] };
}

function push(payload) {
  const said = text(payload.markdown) || text(payload.body);
  const body = () => (payload.markdown ? markdown(said, FULL) : plain(said));
  return { title: text(payload.title), preview: bare(said.replace(/^#+ .*\n+/, "")), body };
}

function ntfy(payload) {
  const said = text(payload.message);
  const body = (isPhone) => (payload.markdown && !isPhone ? markdown(said, FULL) : plain(said));
  return { title: text(payload.title) || first(said), preview: first(said), body };
}

function discord(payload) {
  const embeds = list(payload.embeds).map(object);
  const shown = embeds.map((embed) => [
    el("strong", {}, text(embed.title)),
    ...markdown(text(embed.description), FULL),
    ...list(embed.fields).map((field) => el("p", {}, el("strong", {}, text(field.name)), " ", text(field.value))),
  ]);
  const said = text(payload.content) || text(embeds[0]?.title) || text(embeds[0]?.description);
  return {
    title: bare(said),
    preview: bare(said),
    body: () => [...markdown(text(payload.content), FULL), ...shown.map((inside) => el("div", { class: "attachment" }, inside))],
  };
}

// As its HTML has no other tags, the text without them, and the code that is marked as such.
function telegram(payload) {
  const said = text(payload.text);
  const bare = (part) => part.replace(/<\/?\w+>/g, "").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  const shown = payload.parse_mode === "HTML" ? bare : (part) => part;
  const pieces = payload.parse_mode === "HTML" ? said.split(/<pre>([^<]*)<\/pre>/) : [said];
  const body = () => pieces.map((part, place) => (place % 2 ? el("pre", {}, shown(part)) : plain(shown(part).trim())));
  return { title: first(shown(said)), preview: shown(said), body };
}

const CHATS = { DingTalk: dingtalk, Feishu: feishu, WeCom: wecom, Slack: slack, Bark: push, Telegram: telegram, ntfy, Discord: discord };

// `body(isPhone)` makes the message; null where the request holds no message that can be shown.
export function read(arrival) {
  try {
    const payload = JSON.parse(arrival.body);
    if (object(payload) === payload) return { note: "", ...CHATS[arrival.service](payload) };
  } catch {
    // It is no JSON, or too deep.
  }
  return { title: "", preview: "", note: "", body: null };
}
