"use strict";
// A one-time link carries its secret behind the #, so that no server or log
// sees it in an address.
const form = document.getElementById("link-form");
if (form && location.hash.length > 1) {
	document.getElementById("link").value = location.hash.slice(1);
	history.replaceState(null, "", location.pathname);
	form.submit();
}
// Live parts are read again when something was recorded, at most once a second.
const live = document.querySelector("[data-live]");
if (live) {
	let due = false;
	const refresh = async () => {
		due = false;
		const answer = await fetch(location.href);
		if (!answer.ok || answer.redirected) return;
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");
		const next = page.querySelector("[data-live]");
		if (next) live.replaceChildren(...next.childNodes);
	};
	const events = new EventSource("/api/v1/events");
	const soon = () => { if (!due) { due = true; setTimeout(refresh, 1000); } };
	events.addEventListener("recorded", soon);
	events.addEventListener("changed", soon);
}
