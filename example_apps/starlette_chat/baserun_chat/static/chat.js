"use strict";

const log = document.querySelector("#log");
const form = document.querySelector("#ask");
const input = document.querySelector("#message");
const sendButton = document.querySelector("#send");
const stopButton = document.querySelector("#stop");
const csrf = document.querySelector("meta[name=csrf-token]");

function post(url, body, signal) {
  const headers = { "Content-Type": "application/json" };
  if (csrf) headers["X-CSRFToken"] = csrf.content;
  return fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
}

function add(role) {
  const article = log.appendChild(document.createElement("article"));
  article.className = role;
  return article.appendChild(document.createElement("p"));
}

async function* lines(response) {
  let rest = "";
  for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const whole = (rest + value).split("\n");
    rest = whole.pop();
    for (const line of whole) yield JSON.parse(line);
  }
}

function addThumbs(article, token) {
  const group = article.appendChild(document.createElement("div"));
  group.className = "thumbs";
  for (const [words, thumbsup] of [["Good answer", true], ["Bad answer", false]]) {
    const button = group.appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = words;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", async () => {
      const response = await post(form.dataset.feedback, { token, thumbsup });
      if (!response.ok) return;
      for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
    });
  }
}

async function ask(message) {
  add("user").textContent = message;
  const text = add("assistant");
  const stop = new AbortController();
  stopButton.onclick = () => stop.abort();
  try {
    const response = await post(form.action, { message }, stop.signal);
    if (response.redirected || response.status === 403) return location.reload();
    if (!response.ok) throw new Error(response.statusText);
    for await (const line of lines(response)) {
      if (line.text) text.textContent += line.text;
      if (line.error) text.textContent += line.error;
      if (line.feedback_token) addThumbs(text.parentElement, line.feedback_token);
      log.scrollTop = log.scrollHeight;
    }
  } catch (error) {
    text.textContent += error.name === "AbortError" ? " (stopped)" : " (the answer was lost; please try again)";
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const message = input.value.trim();
  if (!message || !stopButton.hidden) return;
  input.value = "";
  stopButton.hidden = !(sendButton.hidden = true);
  await ask(message);
  stopButton.hidden = !(sendButton.hidden = false);
  input.focus();
});

log.scrollTop = log.scrollHeight;
