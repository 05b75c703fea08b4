// Fetches the page anew and puts its main part in the place of the one that is shown. Without JavaScript the
// browser loads it anew by itself. Nothing is kept, and nothing is fetched from elsewhere.
"use strict";

const EVERY_MS = 2000;
const AWAY_AFTER_MS = 10000;
let freshAt = Date.now();

async function renew() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(EVERY_MS * 4) });
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
    document.title = page.title;
    freshAt = Date.now();
  } catch {
    // what is shown stays, and says below that it is old
  }
  document.body.classList.toggle("away", Date.now() - freshAt > AWAY_AFTER_MS);
  setTimeout(renew, EVERY_MS);
}

setTimeout(renew, EVERY_MS);
