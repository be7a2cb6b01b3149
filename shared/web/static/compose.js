// The composer: while somebody writes, the pages and the findings beside the form follow. Without this file the
// form has its "preview" button.
"use strict";

const WAIT = 120;

function follow(form) {
  const paper = document.querySelector("[data-pages]");
  const findings = document.querySelector("[data-findings]");
  const state = form.querySelector("[data-preview-state]");
  const thai = document.documentElement.lang === "th";
  const tools = paper.querySelector(".row");
  let timer = 0;
  let running = null;

  function showPages(pages) {
    if (!pages.length) return;
    const images = [...paper.querySelectorAll("img")];
    pages.forEach((address, index) => {
      let image = images[index];
      if (!image) {
        image = document.createElement("img");
        image.width = 794;
        image.height = 1123;
        image.alt = `${paper.dataset.label} ${index + 1}`;
        paper.insertBefore(image, tools);
      }
      image.src = address;
    });
    images.slice(pages.length).forEach((image) => image.remove());
    paper.querySelector("[data-count]").textContent = pages.length;
  }

  function showFindings(found) {
    findings.hidden = !found.length;
    findings.querySelector("ul").replaceChildren(
      ...found.map(({ field, text, blocking }) => {
        const item = document.createElement("li");
        if (blocking) {
          item.className = "blocking";
          const must = document.createElement("strong");
          must.textContent = form.dataset.must;
          item.append(must, " ");
        }
        const place = document.createElement(field ? "a" : "span");
        if (field) place.href = `#field-${field}`;
        place.textContent = text;
        item.append(place);
        return item;
      }),
    );
  }

  async function preview() {
    running?.abort();
    running = new AbortController();
    const began = performance.now();
    try {
      const response = await fetch(form.dataset.preview, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/json" },
        signal: running.signal,
      });
      if (!response.ok) throw new Error(String(response.status));
      const { pages, findings: found } = await response.json();
      showPages(pages);
      showFindings(found);
      paper.dataset.fresh = Math.round(performance.now() - began);
      state.textContent = "";
    } catch (error) {
      if (error.name === "AbortError") return;
      state.textContent = thai ? "ดูตัวอย่างไม่ได้ในขณะนี้ ข้อความยังอยู่ ลองพิมพ์ต่อได้" : "No preview just now; the text is still here.";
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(preview, WAIT);
  });
  form.querySelectorAll("[data-without-script]").forEach((button) => button.remove());
}

document.querySelectorAll("form[data-preview]").forEach(follow);
