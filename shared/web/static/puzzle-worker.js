// Solves ALTCHA's proof of work, version 2: the first counter whose derived key begins with the given prefix.
"use strict";

const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function solve({ nonce, salt, cost, keyLength, keyPrefix }) {
  const start = bytes(nonce);
  const password = new Uint8Array(start.length + 4);
  password.set(start);
  const number = new DataView(password.buffer, start.length);
  const wanted = bytes(keyPrefix);
  const options = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost };
  for (let counter = 0; counter < 0xffffffff; counter++) {
    number.setUint32(0, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const derived = new Uint8Array(await crypto.subtle.deriveBits(options, key, keyLength * 8));
    if (wanted.every((byte, index) => byte === derived[index])) return { counter, derivedKey: hex(derived) };
  }
  throw new Error("no solution");
}

self.onmessage = async ({ data: challenge }) => {
  const solution = await solve(challenge.parameters);
  self.postMessage(btoa(JSON.stringify({ challenge, solution })));
};
