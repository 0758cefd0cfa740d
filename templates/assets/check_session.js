// Answers an e-service that asks whether its session_state still holds (OpenID Connect Session Management 1.0, 3.2).
// The hash is the one of idp/oidc/session_management.py. It needs the asker's origin, so nobody learns of other clients.
"use strict";

(() => {
  const COOKIE = document.currentScript.dataset.cookie;

  function browserState() {
    const found = document.cookie.split("; ").find((each) => each.startsWith(`${COOKIE}=`));
    return found ? found.slice(COOKIE.length + 1) : "";
  }

  const hexadecimal = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  // FIPS 180-4. Only where the browser keeps its own from us: below a page of plain http, in development.
  function sha256OfOurOwn(bytes) {
    const primes = [];
    for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
    const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
    const K = primes.map((prime) => fraction(Math.cbrt(prime)));
    const hash = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
    const blocks = Math.ceil((bytes.length + 9) / 64);
    const padded = new DataView(new ArrayBuffer(blocks * 64));
    bytes.forEach((byte, at) => padded.setUint8(at, byte));
    padded.setUint8(bytes.length, 0x80);
    padded.setUint32(blocks * 64 - 4, bytes.length * 8);
    const turn = (word, by) => (word >>> by) | (word << (32 - by));
    for (let block = 0; block < blocks; block++) {
      const w = [];
      for (let t = 0; t < 64; t++) {
        if (t < 16) {
          w.push(padded.getInt32(block * 64 + t * 4));
          continue;
        }
        const s0 = turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ (w[t - 15] >>> 3);
        const s1 = turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ (w[t - 2] >>> 10);
        w.push((w[t - 16] + s0 + w[t - 7] + s1) | 0);
      }
      let [a, b, c, d, e, f, g, h] = hash;
      for (let t = 0; t < 64; t++) {
        const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
        const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[t] + w[t]) | 0;
        const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [a, b, c, d, e, f, g, h] = [(t1 + t2) | 0, a, b, c, (d + t1) | 0, e, f, g];
      }
      [a, b, c, d, e, f, g, h].forEach((word, at) => { hash[at] = (hash[at] + word) | 0; });
    }
    return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  async function sha256(text) {
    const bytes = new TextEncoder().encode(text);
    if (!crypto.subtle) return sha256OfOurOwn(bytes);
    return hexadecimal(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  }

  async function judge(message, origin) {
    const parts = typeof message === "string" ? /^(.+) ([0-9a-f]{64})\.([\w-]+)$/s.exec(message) : null;
    if (!parts) return "error";
    const [, clientId, hash, salt] = parts;
    const state = browserState();
    if (!state) return "changed";
    return (await sha256(`${clientId} ${origin} ${state} ${salt}`)) === hash ? "unchanged" : "changed";
  }

  window.addEventListener("message", async (event) => {
    if (!event.source || event.source === window || !/^https?:/.test(event.origin)) return;
    const answer = await judge(event.data, event.origin);
    event.source.postMessage(answer, event.origin);
  });
})();
