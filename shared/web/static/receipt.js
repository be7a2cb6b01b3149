// Checks in this browser that a receipt's record lies under a signed head, and that heads only ever grew.
// Needs Web Crypto, which browsers give to https and to this machine only. Nothing is sent anywhere.
"use strict";

const THAI = document.documentElement.lang === "th";
const say = (th, en) => (THAI ? th : en);
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
const hex = (array) => Array.from(array, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function sha256(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

const node = (left, right) => sha256(Uint8Array.of(1), left, right);

// RFC 9162 sections 2.1.3.2 and 2.1.4.2: the root of the tree that ended with `start`, and of the whole one.
async function climb(at, last, start, path) {
  let before = start;
  let whole = start;
  for (const sibling of path) {
    if (last === 0) throw new Error("the proof is too long");
    if (at % 2 || at === last) {
      [before, whole] = [await node(sibling, before), await node(sibling, whole)];
      while (at % 2 === 0 && at) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else {
      whole = await node(whole, sibling);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  if (last) throw new Error("the proof is too short");
  return [hex(before), hex(whole)];
}

async function lies(receipt, bundle) {
  if (bundle.receipt !== receipt) return false;
  const tree = bundle.head.heads.find((head) => head.partition === bundle.partition);
  if (!tree || bundle.index < 0 || bundle.index >= tree.size) return false;
  const leaf = await sha256(Uint8Array.of(0), new TextEncoder().encode(`${receipt}\n${bundle.commitment}`));
  const [, root] = await climb(bundle.index, tree.size - 1, leaf, bundle.proof.map(bytes));
  return root === tree.root;
}

// The bytes that were signed: canonical JSON, members in alphabetical order.
function signedBytes(head) {
  const heads = head.heads.map(({ partition, root, size }) => ({ partition, root, size }));
  const { contest_id, revision, signed_at } = head;
  return new TextEncoder().encode(JSON.stringify({ contest_id, heads, revision, signed_at }));
}

// true, false, or null where this browser knows no Ed25519.
async function signed(head, key) {
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", bytes(key), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, bytes(head.signature), signedBytes(head));
}

async function grew(old, head, path) {
  const [m, n] = [old.size, head.size];
  if (m > n || (m === n && old.root !== head.root) || (m === 0 && old.root !== EMPTY)) return false;
  if (m === n || m === 0) return true;
  const hashes = path.map(bytes);
  if (Number.isInteger(Math.log2(m))) hashes.unshift(bytes(old.root));
  let [at, last] = [m - 1, n - 1];
  while (at % 2) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  const [before, whole] = await climb(at, last, hashes[0], hashes.slice(1));
  return before === old.root && whole === head.root;
}

// The head that this device saw last must be the beginning of the one it sees now.
async function onlyGrew(head, key) {
  const name = `showcase-head-${head.contest_id}`;
  let seen = null;
  try {
    seen = JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
  const keep = () => localStorage.setItem(name, JSON.stringify({ head, key }));
  if (!seen) {
    keep();
    return null;
  }
  const old = seen.head;
  if (seen.key !== key || old.revision > head.revision) return { since: old.revision, holds: false };
  if (old.revision < head.revision) {
    const base = `/api/voting/v1/contests/${encodeURIComponent(head.contest_id)}/heads`;
    const answer = await fetch(`${base}/${head.revision}/consistency?since=${old.revision}`);
    const proofs = new Map((await answer.json()).partitions.map((each) => [each.partition, each.proof]));
    for (const tree of head.heads) {
      const before = old.heads.find((each) => each.partition === tree.partition) || { size: 0, root: EMPTY };
      if (!(await grew(before, tree, proofs.get(tree.partition) || []))) return { since: old.revision, holds: false };
    }
    keep();
  } else if (hex(await sha256(signedBytes(old))) !== hex(await sha256(signedBytes(head)))) {
    return { since: old.revision, holds: false };
  }
  return { since: old.revision, holds: true };
}

function line(list, state, title, hint) {
  const item = document.createElement("li");
  item.className = state;
  const tick = document.createElement("span");
  tick.className = "tick";
  tick.textContent = { done: "✓", wrong: "✕", waiting: "–" }[state];
  tick.setAttribute("aria-hidden", "true");
  const text = document.createElement("div");
  text.append(Object.assign(document.createElement("strong"), { textContent: title }));
  if (hint) text.append(Object.assign(document.createElement("small"), { textContent: hint }));
  item.append(tick, text);
  list.append(item);
}

async function check(card) {
  const list = card.querySelector("ol");
  const told = card.querySelector("[role=status]");
  if (!window.crypto?.subtle) {
    told.textContent = say(
      "เบราว์เซอร์ตรวจเองได้เฉพาะที่อยู่แบบ https โปรดใช้โปรแกรมตรวจอิสระแทน",
      "Browsers check on https addresses only. Use the independent program instead.",
    );
    return;
  }
  told.textContent = say("กำลังตรวจในเครื่องของคุณ…", "Checking on your device…");
  try {
    const bundle = await (await fetch(card.dataset.proof)).json();
    const { head } = bundle;
    const inside = await lies(card.dataset.receipt, bundle);
    line(
      list,
      inside ? "done" : "wrong",
      inside ? say("ใบรับนี้อยู่ในบันทึก", "This receipt lies in the log") : say("ใบรับนี้ไม่อยู่ในบันทึกที่แสดง", "This receipt does not lie under the head shown"),
      say(`คำนวณเส้นทางแฮช ${bundle.proof.length} ขั้นถึงรากของชุด ${bundle.partition}`, `${bundle.proof.length} hashes up to the root of partition ${bundle.partition}`),
    );
    const signature = await signed(head, card.dataset.key);
    line(
      list,
      signature ? "done" : signature === null ? "waiting" : "wrong",
      signature ? say("ลายมือชื่อดิจิทัลถูกต้อง", "The signature holds") : signature === null ? say("เบราว์เซอร์นี้ตรวจลายมือชื่อไม่ได้", "This browser cannot check the signature") : say("ลายมือชื่อไม่ถูกต้อง", "The signature does not hold"),
      signature === null ? say("ไม่รู้จัก Ed25519 ตรวจเส้นทางแฮชแล้วเท่านั้น", "It knows no Ed25519; the hashes were checked") : say(`บันทึกฉบับที่ ${head.revision} · Ed25519`, `head ${head.revision} · Ed25519`),
    );
    const growth = inside && signature !== false ? await onlyGrew(head, card.dataset.key) : null;
    if (growth) {
      line(
        list,
        growth.holds ? "done" : "wrong",
        growth.holds ? say("บันทึกเพิ่มขึ้นอย่างเดียว", "The log only grew") : say("บันทึกไม่ต่อเนื่องจากที่เครื่องนี้เคยเห็น", "The log does not continue what this device saw before"),
        say(`เทียบกับฉบับที่ ${growth.since} ที่เครื่องนี้เคยเห็น`, `since head ${growth.since}, which this device saw`),
      );
    }
    const good = inside && signature !== false && growth?.holds !== false;
    card.dataset.verdict = good ? "good" : "wrong";
    told.textContent = good
      ? say("ตรวจในเครื่องของคุณแล้ว ถูกต้อง", "Checked on your device: it holds.")
      : say("ตรวจแล้วไม่ถูกต้อง โปรดบันทึกหลักฐานและแจ้งผู้จัด", "It does not hold. Save the proof and tell the organiser.");
  } catch (error) {
    card.dataset.verdict = "wrong";
    told.textContent = say(`ตรวจไม่สำเร็จ (${error.message}) โปรดโหลดหน้าใหม่`, `The check failed (${error.message}). Load the page again.`);
  }
}

document.querySelectorAll("[data-proof]").forEach(check);
