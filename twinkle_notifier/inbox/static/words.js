// What the page itself says, in English and Chinese. The English text is the key to the Chinese one.

import { keep, kept, own } from "./dom.js";

const CHINESE = {
  Inbox: "收件箱",
  Messages: "消息",
  "The selected message": "选中的消息",
  Live: "实时",
  "Connecting …": "连接中…",
  "No connection. The inbox has ended, or was started anew: open the URL that it printed.":
    "连接已断开。收件箱已结束或已重新启动：请打开它打印的网址。",
  Service: "服务",
  Level: "级别",
  Result: "结果",
  Search: "搜索",
  All: "全部",
  error: "错误",
  warning: "警告",
  success: "成功",
  info: "信息",
  unknown: "未知",
  accepted: "已接受",
  repeated: "重复",
  refused: "已拒绝",
  Phone: "手机",
  Desktop: "桌面",
  View: "视图",
  Theme: "主题",
  System: "跟随系统",
  Light: "浅色",
  Dark: "深色",
  Help: "帮助",
  Close: "关闭",
  "Keys of the keyboard": "键盘快捷键",
  "next message, older": "下一条消息（更早）",
  "previous message, newer": "上一条消息（更新）",
  "newest, oldest": "最新、最早",
  "the filters": "筛选",
  "phone, desktop": "手机、桌面",
  "the request": "请求",
  "this help": "本帮助",
  "back to the list": "回到列表",
  "Single keys do this": "启用单键快捷键",
  "Nothing has arrived yet.": "还没有消息到达。",
  "Send a message to one of the URLs that the inbox printed, for example:": "向收件箱打印的某个网址发送一条消息，例如：",
  "No message fits the filters.": "没有符合筛选条件的消息。",
  "{shown} of {all}": "{shown} / {all}",
  "Lock screen": "锁屏",
  Chat: "聊天",
  Request: "请求",
  Answer: "响应",
  "As it came": "原文",
  "Well laid out": "排版",
  "{size} bytes": "{size} 字节",
  "Only its first 65,536 bytes are kept.": "只保留前 65,536 字节。",
  "Refused: {code} {words}": "已拒绝：{code} {words}",
  "What it means: {meaning}": "含义：{meaning}",
  "The chat would not show it.": "聊天中不会显示它。",
  "It came to no robot, so no chat would show it.": "它没有发到任何机器人，所以不会有聊天显示它。",
  "Not a message": "不是消息",
  "Accepted, but not shown: it repeats a message that the robot has accepted.":
    "已接受，但不显示：机器人已经接受过同一条消息。",
  "This request holds no message that could be shown.": "该请求中没有可显示的消息。",
  "This message cannot be drawn. Its request is beside it.": "这条消息无法绘制。请求内容见旁边。",
  "It has an HTML tag: DingTalk's phones may show nothing of it.": "其中有 HTML 标签：钉钉手机端可能什么都不显示。",
  "A phone shows no line: the message has no text of its own.": "手机上没有预览：消息没有自己的文本。",
  "It shows no level": "它没有显示级别",
  "Training alerts": "训练告警",
  robot: "机器人",
  now: "现在",
  "New: {service}, {title}, {badges}": "新消息：{service}，{title}，{badges}",
  "{count} new, the last: {service}, {title}, {badges}": "{count} 条新消息，最后一条：{service}，{title}，{badges}",
  "Skip to the message": "跳到消息",
};
const SERVICES = { DingTalk: "钉钉", Feishu: "飞书", WeCom: "企业微信", unknown: "未知" };

const known = () => kept("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
let language = known();

export const languageIs = () => language;

export function speak(chosen) {
  language = chosen === "zh" ? "zh" : "en";
  keep("language", language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  document.querySelectorAll("[data-service]").forEach((node) => (node.textContent = service(node.dataset.service)));
}

export function say(english, values = {}) {
  const chinese = own(CHINESE, english);
  if (chinese === undefined) console.error(`No Chinese for "${english}".`); // in English, too: so a test sees it
  const words = language === "zh" ? (chinese ?? english) : english;
  return words.replace(/\{(\w+)\}/g, (slot, name) => own(values, name) ?? slot);
}

export const service = (name) => (language === "zh" ? (own(SERVICES, name) ?? name) : name);

// With its date if that is not today's; `isShort`: as a phone's clock, without date and seconds.
export function time(seconds, isShort = false) {
  const then = new Date(seconds * 1000);
  const now = new Date();
  const date = {
    ...(then.toDateString() !== now.toDateString() && { month: "short", day: "numeric" }),
    ...(then.getFullYear() !== now.getFullYear() && { year: "numeric" }),
  };
  const parts = isShort ? {} : { ...date, second: "2-digit" };
  return then.toLocaleString(language === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit", ...parts });
}
