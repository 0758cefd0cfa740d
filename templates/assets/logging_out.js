// Goes on once every frame has loaded, or has had its time. The page is not kept: "back" does not lead to it.
"use strict";

(() => {
  const seconds = Number(document.currentScript.dataset.seconds);
  let gone = false;
  const goOn = () => {
    if (gone) return;
    gone = true;
    location.replace(document.getElementById("continue").href);
  };
  window.addEventListener("load", goOn);
  setTimeout(goOn, seconds * 1000);
})();
