// Before everything else: a script or style that did not arrive (the machine's network changed, a new version was
// installed while the page was open) would leave the page empty. It is loaded again, a few times, each a little later.
const key = "capstan.reloads";
const most = 5;

function loadAgain() {
  const times = Number(sessionStorage.getItem(key) ?? 0);
  if (times >= most) return;
  sessionStorage.setItem(key, String(times + 1));
  setTimeout(() => location.reload(), 300 * (times + 1));
}

addEventListener(
  "error",
  ({ target }) => {
    if (target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && target.rel === "stylesheet")) {
      loadAgain();
    }
  },
  true,
);
// A page that stands for a while is whole: the next failure is a new one.
setTimeout(() => sessionStorage.removeItem(key), 15_000);
