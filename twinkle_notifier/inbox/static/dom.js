// Elements are made of names and texts, never of HTML: what a message holds stays text.

export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== ""));
  return node;
}

// A link leads to a website or to nowhere: "javascript:" and the like stay text.
export function link(url, ...children) {
  const inside = children.length ? children : [url];
  if (!/^https?:\/\/[^\s]/i.test(url)) return el("span", {}, ...inside);
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer", title: url }, ...inside);
}

// What a table holds under a name that came in a message: "constructor" and the like are none of its entries.
export const own = (table, name) => (typeof name === "string" && Object.hasOwn(table, name) ? table[name] : undefined);

// A string of its own: a slice would keep all that it was cut from.
export const clipped = (words, most) => [...words.slice(0, 2 * most)].slice(0, most).join("");

// What a person has chosen, if the browser lets the page keep it.
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It is chosen until the page is closed.
  }
}

export const text = (value) => (typeof value === "string" ? value : "");
export const list = (value) => (Array.isArray(value) ? value : []);
export const object = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});
