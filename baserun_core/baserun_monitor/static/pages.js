// What pages do beyond HTML: live updates, keyboard shortcuts, copying ids. Everything else works without it.
"use strict";

const liveButton = document.querySelector(".live");
let following = null;
let heard = 0;
let pointerIsOver = false;
let held = null;

// --- live

function say(state, words) {
  liveButton.className = "live " + state;
  liveButton.textContent = words;
}

function isWanted() {
  try { return localStorage.getItem("baserun.live") !== "off"; } catch { return true; }
}

function remember(wanted) {
  try { localStorage.setItem("baserun.live", wanted ? "on" : "off"); } catch { /* not remembered without storage */ }
}

function follow() {
  if (following || !isWanted()) return;
  say("", "live");
  following = new EventSource(document.body.dataset.live);
  following.addEventListener("beat", () => { heard = Date.now(); say("on", "live"); });
  following.addEventListener("news", () => { heard = Date.now(); say("on", "live"); refresh(); });
  following.onerror = () => {
    // A server that cannot hold a connection open has the browser reconnect every two seconds: that is not an error.
    if (Date.now() - heard > 5000) say("broken", "live: connection broken");
    if (following.readyState === EventSource.CLOSED) { following = null; setTimeout(follow, 3000); }
  };
}

function stop() {
  if (following) following.close();
  following = null;
  say("off", "live is off");
}

let isFetching = false;
let isDue = false;

async function refresh() {
  if (isFetching) { isDue = true; return; }
  isFetching = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
    if (answer.ok) merge(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch { say("broken", "live: connection broken"); }
  await new Promise((done) => setTimeout(done, 700));
  isFetching = false;
  if (isDue) { isDue = false; refresh(); }
}

function merge(fresh) {
  const waiting = document.querySelector("[data-reload]");
  if (waiting || Boolean(document.querySelector("[data-list]")) !== Boolean(fresh.querySelector("[data-list]"))) {
    const main = fresh.querySelector("main");
    if (main && main.innerHTML !== document.querySelector("main").innerHTML) document.querySelector("main").replaceWith(main);
    return;
  }
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (other && other.innerHTML !== part.innerHTML && !part.contains(document.activeElement) && !part.matches(":hover")) part.replaceWith(other);
  }
  for (const other of fresh.querySelectorAll("[data-part]")) {
    if (!document.querySelector(`[data-part="${other.dataset.part}"]`)) document.querySelector("main").append(other);
  }
  const list = document.querySelector("[data-list]");
  const freshList = fresh.querySelector("[data-list]");
  if (!list || !freshList) return;
  if (list.dataset.list === "append") append(list, freshList);
  else if (pointerIsOver || list.contains(document.activeElement)) hold(list, freshList);
  else replace(list, freshList);
}

// Looked up on use: a page that was empty when it was opened has none yet.
const newsLine = () => document.querySelector(".news");
const keyed = (list) => new Map([...list.children].map((each) => [each.dataset.key, each]));

function hold(list, freshList) {
  const known = keyed(list);
  for (const [key, row] of keyed(freshList)) {
    const old = known.get(key);
    if (old && old.textContent !== row.textContent && !old.matches(":hover")) { row.classList.toggle("chosen", old.classList.contains("chosen")); old.replaceWith(row.cloneNode(true)); }
  }
  held = freshList;
  const news = newsLine();
  const count = [...freshList.children].filter((row) => !known.has(row.dataset.key)).length;
  if (news && count) { news.hidden = false; news.firstElementChild.textContent = `${count} new`; }
}

function replace(list, freshList) {
  const known = keyed(list);
  for (const row of freshList.children) {
    const old = known.get(row.dataset.key);
    if (!old && known.size) row.classList.add("fresh");
    if (old) row.classList.toggle("chosen", old.classList.contains("chosen"));
  }
  list.replaceChildren(...freshList.children);
  held = null;
  if (newsLine()) newsLine().hidden = true;
}

function append(list, freshList) {
  const known = keyed(list);
  const wasAtEnd = innerHeight + scrollY > document.documentElement.scrollHeight - 120;
  for (const row of [...freshList.children]) {
    const old = known.get(row.dataset.key);
    if (!old) { row.classList.add("fresh"); list.append(row); }
    else if (old.textContent !== row.textContent) {
      const wasOpen = [...old.querySelectorAll("details")].map((each) => each.open);
      [...row.querySelectorAll("details")].forEach((each, at) => { each.open = Boolean(wasOpen[at]); });
      row.classList.toggle("chosen", old.classList.contains("chosen"));
      old.replaceWith(row);
    }
  }
  if (wasAtEnd && list.children.length > known.size) scrollTo({ top: document.documentElement.scrollHeight });
}

if (liveButton && document.body.dataset.live) {
  liveButton.hidden = false;
  liveButton.addEventListener("click", () => {
    const wanted = !isWanted();
    remember(wanted);
    liveButton.setAttribute("aria-pressed", String(wanted));
    if (wanted) { follow(); refresh(); } else stop();
  });
  if (isWanted()) follow(); else stop();
  addEventListener("pagehide", () => { if (following) following.close(); following = null; });
  addEventListener("pageshow", (event) => { if (event.persisted) { follow(); refresh(); } });
}
document.addEventListener("click", (event) => {
  const list = document.querySelector("[data-list]");
  if (event.target.closest(".news") && held && list) replace(list, held);
});
document.addEventListener("pointerover", (event) => { pointerIsOver = Boolean(event.target.closest && event.target.closest(".scroll, .hits")); });

// --- keys

function rows() { return [...document.querySelectorAll("[data-list] > *, .hits > li")]; }

function choose(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.classList.contains("chosen"));
  const next = Math.min(all.length - 1, Math.max(0, now < 0 ? (step > 0 ? 0 : all.length - 1) : now + step));
  if (now >= 0) all[now].classList.remove("chosen");
  document.activeElement.blur(); // or Enter would open the focused link instead of the chosen row
  all[next].classList.add("chosen");
  all[next].scrollIntoView({ block: "nearest" });
  try { sessionStorage.setItem("baserun.chosen:" + location.pathname, all[next].dataset.key); } catch { /* not remembered */ }
}

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open], details.extra[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "j") choose(1);
  else if (event.key === "k") choose(-1);
  else if (event.key === "/") {
    const field = document.querySelector("[data-focus]");
    event.preventDefault();
    if (field) { field.focus(); field.select(); } else location.href = document.querySelector('.top nav a[href$="/search"]').href;
  } else if (event.key === "Enter" && event.target === document.body) {
    const link = document.querySelector(".chosen a.go, .chosen .margin a");
    if (link) link.click();
  } else if (event.key === "n") { const next = document.querySelector("a[rel=next]"); if (next) next.click(); }
});

// When Back restores a page, its form shows the filters of the list again, not what was chosen before leaving.
addEventListener("pageshow", (event) => { if (event.persisted) document.querySelector("form.filters")?.reset(); });

// A list remembers the chosen row.
try {
  const key = sessionStorage.getItem("baserun.chosen:" + location.pathname);
  const row = key && rows().find((each) => each.dataset.key === key);
  if (row && !location.hash) row.classList.add("chosen");
} catch { /* not remembered */ }

// --- small things

const toast = document.querySelector(".toast");
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    let words = "copied";
    try { await navigator.clipboard.writeText(button.dataset.copy); } catch { words = "cannot copy here: " + button.dataset.copy; }
    toast.textContent = words;
    toast.hidden = false;
    setTimeout(() => { toast.hidden = true; }, 1600);
  }
  for (const menu of document.querySelectorAll("details.menu[open], details.extra[open]")) if (!menu.contains(event.target)) menu.open = false;
});

function ago(milliseconds) {
  for (const [unit, name] of [[864e5, "d"], [36e5, "h"], [6e4, "min"], [1e3, "s"]]) if (milliseconds >= unit) return `${Math.floor(milliseconds / unit)} ${name} ago`;
  return "just now";
}

setInterval(() => {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const passed = Date.now() - Date.parse(time.dateTime);
    if (passed < 30 * 864e5) { const words = ago(passed); if (time.textContent !== words) time.textContent = words; }
  }
}, 15000);
