"use strict";
/* Blocks of commands get a button that copies them. */
document.querySelectorAll("pre.copy").forEach((block) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small";
  button.textContent = "Copy";
  button.addEventListener("click", () => {
    const done = () => {
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    const byHand = () => { /* a page from a file may be kept from the clipboard */
      const range = document.createRange();
      range.selectNodeContents(block);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      if (document.execCommand("copy")) done();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(block.textContent).then(done, byHand);
    else byHand();
  });
  block.before(button);
});
