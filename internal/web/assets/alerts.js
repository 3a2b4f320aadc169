"use strict";
// The alerts page: read again when the stream says that something changed, ages
// counted on meanwhile. The page is whole without it.
(() => {
	let now = document.querySelector("[data-alerts]");
	if (!now) return;
	const state = document.querySelector("[data-alert-state]");
	let ahead = Number(now.dataset.now) - Date.now(); // the server's clock against ours
	let socket = null;
	let pause = 500;
	let leaving = 0;
	let reading = false;
	let once = false; // something changed while the page was read

	const set = (node, text) => { if (node && node.textContent !== text) node.textContent = text; };
	const tell = (name) => {
		if (!state || state.dataset.state === name) return;
		state.dataset.state = name;
		set(state.querySelector("[data-live-text]"), state.dataset[name]);
	};
	const span = (ms) => {
		const s = Math.max(0, Math.floor(ms / 1000));
		if (s < 60) return `${s} s`;
		if (s < 3600) return `${Math.floor(s / 60)} min`;
		return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
	};
	// What changes by itself is not taken for news.
	const still = (node) => {
		const copy = node.cloneNode(true);
		for (const age of copy.querySelectorAll(".age")) age.textContent = "";
		return copy.innerHTML;
	};

	const read = async () => {
		if (reading) { once = true; return; }
		reading = true;
		try {
			const answer = await fetch(location.href);
			if (!answer.ok || answer.redirected) return;
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			const fresh = page.querySelector("[data-alerts]");
			if (!fresh) return;
			ahead = Number(fresh.dataset.now) - Date.now();
			if (still(fresh) !== still(now)) {
				const held = document.activeElement?.closest?.("[data-alerts]") ? document.activeElement.getAttribute("href") : null;
				const next = document.importNode(fresh, true);
				now.replaceWith(next);
				now = next;
				if (held) [...now.querySelectorAll("a")].find((a) => a.getAttribute("href") === held)?.focus();
			}
			set(document.querySelector("[data-alert-said]"), page.querySelector("[data-alert-said]")?.textContent ?? "");
		} catch {
			// the stream says when we are back
		} finally {
			reading = false;
			if (once) { once = false; read(); }
		}
	};

	setInterval(() => {
		if (document.hidden) return;
		const at = Date.now() + ahead;
		for (const age of now.querySelectorAll(".age[data-at]")) set(age, span(at - Number(age.dataset.at)));
	}, 1000);

	const connect = () => {
		leaving = 0;
		const address = new URL(now.dataset.stream, location.href);
		address.protocol = "wss:";
		const mine = socket = new WebSocket(address);
		mine.onopen = () => {
			if (pause > 500) read(); // something may have been missed
			pause = 500;
			tell("live");
		};
		mine.onmessage = () => read();
		mine.onclose = () => {
			if (socket !== mine) return;
			socket = null;
			if (document.hidden) return;
			tell("lost");
			setTimeout(() => { if (!socket && !document.hidden) connect(); }, pause);
			pause = Math.min(pause * 2, 10000);
		};
	};

	// Who looks elsewhere for a while gets no stream meanwhile.
	document.addEventListener("visibilitychange", () => {
		clearTimeout(leaving);
		if (document.hidden) leaving = setTimeout(() => { const s = socket; socket = null; s?.close(); }, 20000);
		else if (!socket) {
			pause = 1000;
			connect();
		}
	});
	connect();
})();
