// The citizen's way works without this file; with it a code is sent sooner and the queue counts down by itself.
"use strict";

const THAI = document.documentElement.lang === "th";

// <form data-puzzle="/address" data-worker="/script">: solves a puzzle meanwhile and sends the answer along.
// Whatever goes wrong, the form is sent without one: the code then only takes longer.
function solveFor(form) {
  const field = form.elements.proof;
  const says = form.querySelector("[data-puzzle-says]");
  const button = form.querySelector("button");
  if (!window.Worker || !window.crypto?.subtle) return;
  let waiting = false;
  const ready = fetch(form.dataset.puzzle, { headers: { Accept: "application/json" } })
    .then((response) => (response.ok ? response.json() : Promise.reject(response.status)))
    .then(
      (challenge) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(form.dataset.worker);
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = reject;
          worker.postMessage(challenge);
        }),
    )
    .then((proof) => {
      field.value = proof;
    })
    .catch(() => {});
  let settled = false;
  ready.finally(() => {
    settled = true;
  });
  form.addEventListener("submit", (event) => {
    if (settled) return;
    event.preventDefault();
    if (waiting) return;
    waiting = true;
    button.setAttribute("aria-busy", "true");
    says.textContent = THAI ? "กำลังตรวจว่าไม่ใช่โปรแกรมอัตโนมัติ ใช้เวลาสักครู่ แล้วจะส่งให้เอง" : "Checking that you are no robot. It takes a moment, then the code is sent.";
    ready.finally(() => form.submit());
  });
}

// <section data-queue="/address" data-next="/page" data-every="5">: one's place, asked for every few seconds.
function waitInQueue(element) {
  const ahead = element.querySelector("[data-queue-ahead]");
  const wait = element.querySelector("[data-queue-wait]");
  const words = (seconds) => {
    const minutes = Math.ceil(seconds / 60);
    if (seconds < 60) return `${seconds} ${THAI ? "วินาที" : "seconds"}`;
    return `${minutes} ${THAI ? "นาที" : minutes === 1 ? "minute" : "minutes"}`;
  };
  const ask = async () => {
    let again = Number(element.dataset.every);
    try {
      const response = await fetch(element.dataset.queue, { headers: { Accept: "application/json" } });
      if (response.ok) {
        const place = await response.json();
        if (place.sent || place.refused || place.seconds <= 3) {
          location.replace(element.dataset.next);
          return;
        }
        ahead.textContent = place.ahead.toLocaleString("en-US");
        wait.textContent = words(place.seconds);
        again = place.refresh_seconds;
      }
    } catch {
      again = 10;
    }
    setTimeout(ask, again * 1000);
  };
  setTimeout(ask, Number(element.dataset.every) * 1000);
}

document.querySelectorAll("form[data-puzzle]").forEach(solveFor);
document.querySelectorAll("[data-queue]").forEach(waitInQueue);
