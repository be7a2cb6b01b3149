// Pages work without this file; with it they count down, count words, save drafts and follow live numbers.
"use strict";

const UNITS = { th: ["วัน", "ชั่วโมง", "นาที"], en: ["day", "hour", "minute"] };

function timeLeft(milliseconds, language) {
  if (milliseconds <= 0) return language === "en" ? "time is up" : "หมดเวลาแล้ว";
  const minutes = Math.max(1, Math.floor(milliseconds / 60000));
  const counts = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  const first = counts.findIndex((count) => count > 0);
  return counts
    .map((count, index) => [count, UNITS[language][index]])
    .filter(([count], index) => count > 0 && index >= first && index < first + 2)
    .map(([count, unit]) => `${count} ${unit}${language === "en" && count > 1 ? "s" : ""}`)
    .join(" ");
}

// <strong data-until data-now>: counts from the server's clock, whatever the device's clock says.
function countDown(element) {
  const language = element.dataset.language === "en" ? "en" : "th";
  const until = Date.parse(element.dataset.until);
  const ahead = Date.parse(element.dataset.now) - Date.now();
  const tick = () => {
    element.textContent = timeLeft(until - (Date.now() + ahead), language);
  };
  setInterval(tick, 15000);
}

// <textarea data-words="300">: how much is written, of how much.
function countWords(area) {
  const output = document.createElement("p");
  output.className = "words";
  area.after(output);
  const thai = document.documentElement.lang === "th";
  const segmenter = "Segmenter" in Intl ? new Intl.Segmenter("th", { granularity: "word" }) : null;
  const count = () => {
    const words = segmenter
      ? [...segmenter.segment(area.value)].filter((part) => part.isWordLike).length
      : area.value.split(/\s+/).filter(Boolean).length;
    const most = Number(area.dataset.words);
    output.textContent = most ? `${words} / ${most} ${thai ? "คำ" : "words"}` : `${words} ${thai ? "คำ" : "words"}`;
    output.classList.toggle("error", most > 0 && words > most);
  };
  area.addEventListener("input", count);
  count();
}

// <form data-autosave="/address">: sends the form when typing rests, says when it saved, and tries again after
// a lost connection. The server answers 2xx; with {"saved_at": "…"} its text is shown.
function autosave(form) {
  const thai = document.documentElement.lang === "th";
  const output = form.querySelector("[data-saved]") || form.appendChild(document.createElement("p"));
  output.classList.add("saved");
  output.setAttribute("role", "status");
  let timer = 0;
  let running = false;
  let changed = false;
  const say = (text, failed) => {
    output.textContent = text;
    output.classList.toggle("failed", Boolean(failed));
  };
  const later = (milliseconds) => {
    clearTimeout(timer);
    timer = setTimeout(save, milliseconds);
  };
  async function save() {
    if (running || !changed) return;
    running = true;
    changed = false;
    try {
      const response = await fetch(form.dataset.autosave, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/json" },
      });
      if (!response.ok) {
        const problem = await response.json().catch(() => ({}));
        say((thai && problem.detail_th) || problem.detail || `${response.status}`, true);
      } else {
        const clock = new Date().toLocaleTimeString(thai ? "th-TH" : "en-GB", { hour: "2-digit", minute: "2-digit" });
        say(thai ? `บันทึกแล้วเมื่อ ${clock} น.` : `Saved at ${clock}`);
      }
    } catch {
      changed = true;
      say(thai ? "ยังไม่ได้บันทึก: ไม่มีการเชื่อมต่อ จะลองใหม่เอง" : "Not saved yet: no connection. Trying again.", true);
      later(5000);
    } finally {
      running = false;
      if (changed) later(1000);
    }
  }
  form.addEventListener("input", () => {
    changed = true;
    later(1200);
  });
  window.addEventListener("online", () => later(0));
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
  form.addEventListener("submit", () => {
    changed = false;
  });
}

// <main data-live="/address">: server-sent events; a message {"name": value} writes into every
// [data-live-value="name"], a message {"reload": true} reloads the page.
function follow(element) {
  const source = new EventSource(element.dataset.live);
  source.onmessage = (message) => {
    const values = JSON.parse(message.data);
    if (values.reload) location.reload();
    for (const [name, value] of Object.entries(values)) {
      for (const target of document.querySelectorAll(`[data-live-value="${CSS.escape(name)}"]`)) {
        target.textContent = typeof value === "number" ? value.toLocaleString("en-US") : value;
      }
    }
  };
}

// <a data-copy="text">, <button data-print>, <select data-submit>.
function act(event) {
  const target = event.target.closest("[data-copy],[data-print]");
  if (!target) return;
  if ("print" in target.dataset) window.print();
  if (target.dataset.copy) {
    event.preventDefault();
    navigator.clipboard?.writeText(target.dataset.copy).then(() => {
      target.textContent = document.documentElement.lang === "th" ? "คัดลอกแล้ว" : "Copied";
    });
  }
}

// <a data-bell="origin">: how many notices are unread, asked of the one origin that serves them.
function ring(bell) {
  if (bell.dataset.bell !== location.origin) return;
  fetch("/api/notify/v1/notices/unread", { headers: { accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : { count: 0 }))
    .then(({ count }) => {
      if (!count) return;
      const mark = document.createElement("span");
      mark.className = "count";
      mark.textContent = count > 99 ? "99+" : String(count);
      bell.append(mark);
    })
    .catch(() => {});
}

document.querySelectorAll("[data-until]").forEach(countDown);
document.querySelectorAll("[data-bell]").forEach(ring);
document.querySelectorAll("textarea[data-words]").forEach(countWords);
document.querySelectorAll("form[data-autosave]").forEach(autosave);
document.querySelectorAll("[data-live]").forEach(follow);
document.querySelectorAll("select[data-submit]").forEach((select) => select.addEventListener("change", () => select.form.requestSubmit()));
document.querySelectorAll("[data-focus]").forEach((element) => element.focus());
document.addEventListener("click", act);
