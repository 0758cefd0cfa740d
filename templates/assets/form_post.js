// Sends the form at once. The button stays for a page that was left waiting.
// A busy browser may keep this page in its history: who comes back to it wants to go further back, and it was sent already.
"use strict";

const [navigation] = performance.getEntriesByType("navigation");
if (navigation?.type === "back_forward") history.back();
else document.getElementById("form-post").submit();
