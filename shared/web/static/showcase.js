// Pages work without this file; with it they count down, count characters, save drafts and follow live numbers.
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

// <textarea data-most="4000">: how many characters are written, of how many, as the server counts them.
function countCharacters(area) {
  const output = document.createElement("p");
  output.className = "used";
  area.after(output);
  const unit = document.documentElement.lang === "th" ? "ตัวอักษร" : "characters";
  const most = Number(area.dataset.most);
  const count = () => {
    const written = [...area.value.trim()].length;
    output.textContent = `${written.toLocaleString("en-US")} / ${most.toLocaleString("en-US")} ${unit}`;
    output.classList.toggle("error", written > most);
  };
  area.addEventListener("input", count);
  count();
}

// <form data-autosave="/address">: sends the form when typing rests, says when it saved, and tries again after
// a lost connection. The server answers 2xx; with {"saved_at": "…"} that is shown, the contest's time as it writes it.
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
        const { saved_at: at } = await response.json().catch(() => ({}));
        say((thai ? "บันทึกแล้ว" : "Saved") + (at ? (thai ? " เมื่อ " : " at ") + at : ""));
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
document.querySelectorAll("textarea[data-most]").forEach(countCharacters);
document.querySelectorAll("form[data-autosave]").forEach(autosave);
document.querySelectorAll("[data-live]").forEach(follow);
document.querySelectorAll("select[data-submit]").forEach((select) => select.addEventListener("change", () => select.form.requestSubmit()));
document.querySelectorAll("[data-focus]").forEach((element) => element.focus());
document.addEventListener("click", act);
