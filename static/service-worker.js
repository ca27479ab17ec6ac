// Keeps the app in the browser, so that it starts without a network after one visit.
//
// The page itself always comes from the server if that answers, so a new version is there at the next
// load. A version is known by the hash in the name of its program, /app-<hash>.js, and is kept as a
// whole, in a cache of its own: what was not completely there is never used. Files with a hash in
// their names are the same everywhere; the files of the workers have none, so a page asks for those of
// its own version, as /of/<hash>/<file>, and never gets those of another one.
//
// Nothing of /api passes through here, and neither do samples, models or files of users.

const PREFIX = "segscape-app-";
// The version before may still be open in another tab.
const VERSIONS = 2;
const PROGRAMS = ["worker", "reader"].flatMap((name) => [`/${name}_loader.js`, `/${name}.js`, `/${name}_bg.wasm`]);
const WORKERS = [...PROGRAMS, "/worker_assistant.js"];
const BESIDE = ["/icon.svg", "/manifest.webmanifest", "/model-card.html"];
const PAGE = "/";

addEventListener("install", (event) => event.waitUntil(keep().then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(forget()));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  const [, version, file] = /^\/of\/([0-9a-f]+)(\/[\w.-]+)$/.exec(pathname) ?? [];
  if (request.mode === "navigate") {
    if ([PAGE, "/index.html"].includes(pathname) || pathname.startsWith("/s/")) event.respondWith(page(event));
  } else if (version) {
    event.respondWith(ofVersion(version, file));
  } else if (/^\/\w+-[0-9a-f]{10,}(_bg)?\.(js|mjs|wasm|css)$/.test(pathname)) {
    event.respondWith(hashed(request));
  } else if (BESIDE.includes(pathname)) {
    event.respondWith(beside(request));
  }
});

// The page: from the server, or, if that does not answer, the one that is kept.
async function page(event) {
  try {
    const answer = await fetch(event.request);
    // What the server has by now is for the next visit without it.
    if (answer.ok) event.waitUntil(keep().catch((error) => console.warn(`the app is not kept: ${error.message}`)));
    return answer;
  } catch (error) {
    const kept = await (await newest())?.match(PAGE);
    if (!kept) throw error;
    return copy(kept);
  }
}

// A file whose name has its hash.
async function hashed(request) {
  return (await caches.match(request.url)) ?? fetch(request);
}

// A file that any version may use.
async function beside(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await newest())?.match(request.url);
    if (!kept) throw error;
    return copy(kept);
  }
}

// A file of a worker, of the version that the page is of.
async function ofVersion(version, file) {
  const cache = await cacheOf(version);
  try {
    // The same page may have newer workers.
    if (versionOf(await (await fetched(PAGE)).text()) === version) {
      const answer = await fetched(file);
      if (cache && !(await cache.match(file))) await cache.put(file, answer.clone());
      return copy(answer);
    }
  } catch {
    // Without the server, what is kept has to do.
  }
  const kept = await cache?.match(file);
  return kept ? copy(kept) : Response.error();
}

let keeping = Promise.resolve();

// Keeps what the server has, unless it is kept; one after the other.
function keep() {
  keeping = keeping.catch(() => {}).then(keepNow);
  return keeping;
}

async function keepNow() {
  const answer = await fetched(PAGE);
  const text = await answer.clone().text();
  const version = versionOf(text);
  if (!version) throw new Error("the page names no program");
  if (await isKept(text)) return;
  const files = [...new Set([...named(text), ...WORKERS, ...BESIDE])];
  const answers = await Promise.all(files.map(fetched));
  // While the server gets a new version, it has files of both.
  const after = await (await fetched(PAGE)).text();
  if (plain(after) !== plain(text) || !(await areStill(WORKERS, answers.slice(files.indexOf(WORKERS[0]))))) {
    throw new Error("the app changed on the server meanwhile");
  }
  const cache = await caches.open(`${PREFIX}${String(Date.now()).padStart(15, "0")}-${version}`);
  await Promise.all(files.map((file, index) => cache.put(file, answers[index])));
  // The page is the last file: a cache without it is not complete.
  await cache.put(PAGE, answer);
  await forget();
}

// true if the newest version that is kept has this page and the workers of the server.
async function isKept(text) {
  const cache = await newest();
  const kept = await cache?.match(PAGE);
  if (!kept || plain(await kept.text()) !== plain(text)) return false;
  const workers = await Promise.all(WORKERS.map((file) => cache.match(file)));
  return workers.every(Boolean) && areStill(WORKERS, workers);
}

// true if the server has these files as they were answered.
async function areStill(files, answers) {
  const same = async (file, index) => {
    const now = await fetch(file, { method: "HEAD", cache: "no-store" });
    const marks = (answer) => ["etag", "last-modified"].map((name) => answer.headers.get(name)).join();
    return now.ok && marks(now) === marks(answers[index]);
  };
  return (await Promise.all(files.map(same))).every(Boolean);
}

// Deletes what is not complete, and old versions.
async function forget() {
  const complete = await completeNames();
  const kept = complete.slice(0, VERSIONS);
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  await Promise.all(names.filter((name) => !kept.includes(name)).map((name) => caches.delete(name)));
}

// Names of the caches of versions that are complete, the newest first.
async function completeNames() {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  const found = [];
  for (const name of names.sort().reverse()) {
    if (await (await caches.open(name)).match(PAGE)) found.push(name);
  }
  return found;
}

async function newest() {
  const [name] = await completeNames();
  return name && caches.open(name);
}

async function cacheOf(version) {
  const name = (await completeNames()).find((name) => name.endsWith(`-${version}`));
  return name && caches.open(name);
}

async function fetched(path) {
  const answer = await fetch(path, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`${path} answered with status ${answer.status}`);
  return answer;
}

// An answer that has no address of its own, so that what it names is relative to what was asked for.
function copy(answer) {
  const headers = new Headers(answer.headers);
  // The body is as it was before it was compressed.
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  return new Response(answer.body, { status: answer.status, headers });
}

function versionOf(page) {
  return /\/app-([0-9a-f]+)\.js/.exec(page)?.[1];
}

// The page without what the server changes in it for every visit.
function plain(page) {
  return page.replace(/ nonce="[^"]*"/g, "");
}

// Files of the app that a page names.
function named(page) {
  const files = page.matchAll(/["'](\/[\w-]+-[0-9a-f]{10,}(?:_bg)?\.(?:js|mjs|wasm|css))["']/g);
  return [...files].map(([, file]) => file);
}
