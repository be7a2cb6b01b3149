// The scorecard saves itself, survives a lost connection and a closed laptop, and is worked by keyboard.
// Without this file it is a form with two buttons.
"use strict";

const THAI = document.documentElement.lang === "th";
const SAY = {
  saving: THAI ? "กำลังบันทึก…" : "Saving…",
  saved: (time) => (THAI ? `บันทึกแล้วเมื่อ ${time} น.` : `Saved at ${time}`),
  offline: THAI
    ? "ไม่มีการเชื่อมต่อ เก็บไว้ในเครื่องนี้แล้ว จะส่งเองเมื่อกลับมา"
    : "No connection. Kept on this device; it is sent when you are back.",
  offer: THAI ? "ใช้ข้อความที่พิมพ์ค้างไว้ในเครื่องนี้" : "Use what was typed on this device",
  restored: THAI ? "นำข้อความที่ยังไม่ได้บันทึกกลับมาแล้ว" : "Brought back what was not saved yet.",
};

class Scorecard {
  constructor(form) {
    this.form = form;
    this.output = form.querySelector("[data-saved]");
    this.total = form.querySelector("[data-total]");
    this.key = `scorecard:${form.dataset.scorecard}`;
    this.timer = 0;
    this.saving = false;
    this.dirty = false;
    this.stopped = false;
    form.addEventListener("input", (event) => this.changed(event));
    this.restore();
    this.addUp();
    form.addEventListener("submit", () => {
      this.stopped = true;
      this.dirty = false;
      clearTimeout(this.timer);
      localStorage.removeItem(this.key);
    });
    window.addEventListener("online", () => this.later(0));
    window.addEventListener("pagehide", () => this.keep());
    window.addEventListener("beforeunload", (event) => {
      if (this.dirty) event.preventDefault();
    });
  }

  points() {
    return [...this.form.querySelectorAll(".points-input")];
  }

  fields() {
    return [...this.form.querySelectorAll(".points-input, textarea")];
  }

  addUp() {
    this.total.textContent = this.points().reduce((sum, input) => sum + (Number(input.value) || 0), 0);
  }

  changed(event) {
    const target = event.target;
    if (target.matches(".points-slider")) {
      document.getElementById(target.dataset.for).value = target.value;
    } else if (target.matches(".points-input")) {
      const slider = this.form.querySelector(`[data-for="${CSS.escape(target.id)}"]`);
      if (slider) slider.value = target.value || 0;
    } else if (target.name === "reason") {
      return;
    }
    this.addUp();
    this.dirty = true;
    this.keep();
    this.later(1000);
  }

  // What is typed lies on this device until the server has it.
  keep() {
    if (!this.dirty) return;
    const values = Object.fromEntries(this.fields().map((field) => [field.name, field.value]));
    const revision = this.form.elements.revision.value;
    try {
      localStorage.setItem(this.key, JSON.stringify({ revision, values }));
    } catch {
      // a full or forbidden store: the server still gets it
    }
  }

  restore() {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(this.key));
    } catch {
      return;
    }
    if (!kept || "locked" in this.form.dataset) return;
    const differs = this.fields().some((field) => (kept.values[field.name] ?? field.value) !== field.value);
    if (!differs) {
      localStorage.removeItem(this.key);
    } else if (kept.revision === this.form.elements.revision.value) {
      this.bringBack(kept.values);
    } else {
      this.offer(kept.values); // saved elsewhere meanwhile: the judge decides which one stays
    }
  }

  offer(values) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = SAY.offer;
    button.addEventListener("click", () => {
      button.remove();
      this.bringBack(values);
    });
    this.output.after(button);
  }

  bringBack(values) {
    for (const field of this.fields()) {
      if (field.name in values) {
        field.value = values[field.name];
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
    this.say(SAY.restored);
  }

  later(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), milliseconds);
  }

  say(text, failed) {
    this.output.textContent = text;
    this.output.classList.toggle("failed", Boolean(failed));
  }

  async save() {
    if (this.saving || this.stopped || !this.dirty) return;
    if (this.points().some((input) => !input.checkValidity())) {
      this.say(this.points().find((input) => !input.checkValidity()).validationMessage, true);
      return;
    }
    this.saving = true;
    this.dirty = false;
    this.say(SAY.saving);
    const body = new FormData(this.form);
    body.set("action", "save");
    try {
      const response = await fetch(this.form.getAttribute("action"), { method: "POST", body, headers: { Accept: "application/json" } });
      const answer = await response.json().catch(() => ({}));
      if (response.ok) {
        this.form.elements.revision.value = answer.revision;
        const saved = new Date(answer.saved_at);
        this.say(SAY.saved(saved.toLocaleTimeString(THAI ? "th-TH" : "en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Bangkok" })));
        if (this.dirty) this.keep();
        else localStorage.removeItem(this.key);
      } else {
        this.dirty = response.status >= 500 || response.status === 429;
        this.say((THAI && answer.detail_th) || answer.detail || String(response.status), true);
        if (this.dirty) this.later(5000);
      }
    } catch {
      this.dirty = true;
      this.keep();
      this.say(SAY.offline, true);
      this.later(4000);
    } finally {
      this.saving = false;
      if (this.dirty && !this.stopped) this.later(this.output.classList.contains("failed") ? 4000 : 1000);
    }
  }
}

function keyboard(form, card) {
  document.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key === "s") {
      event.preventDefault();
      card.dirty = true;
      card.later(0);
    } else if (command && event.key === "Enter") {
      event.preventDefault();
      const button = form.querySelector('button[value="submit"]:not(:disabled)');
      if (button) form.requestSubmit(button);
    } else if (event.altKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const link = document.querySelector(event.key === "ArrowLeft" ? "[data-previous]" : "[data-next]");
      if (link) {
        event.preventDefault();
        link.click();
      }
    }
  });
}

const scorecard = document.querySelector("form[data-scorecard]");
if (scorecard) {
  if (!("locked" in scorecard.dataset)) {
    scorecard.querySelectorAll(".points-slider").forEach((slider) => {
      slider.hidden = false;
    });
    keyboard(scorecard, new Scorecard(scorecard));
  }
  const jump = document.querySelector(".to-rubric");
  new IntersectionObserver(([seen]) => jump.classList.toggle("is-away", seen.isIntersecting)).observe(scorecard);
}
