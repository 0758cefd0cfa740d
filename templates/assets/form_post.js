// Sends the form at once. The button stays for a page that was left waiting.
"use strict";

document.getElementById("form-post").submit();
