"use strict";
// What every page has: keys, toasts, rows that open, fields of a raw message.
// Pages work without it.
(() => {
	const typing = (e) => e.target.closest("input, textarea, select, [contenteditable]");
	const places = () => [...document.querySelectorAll(".places a")];
	let awaiting = 0; // until when a "g" waits for its number

	const step = (by) => {
		const rows = [...document.querySelectorAll("main tr[data-row], main [data-row]:not(tr)")];
		if (!rows.length) return;
		const at = rows.indexOf(document.activeElement.closest("[data-row]"));
		const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
		const target = next.querySelector("a[href]") || next;
		target.focus();
		next.scrollIntoView({ block: "nearest" });
	};

	document.addEventListener("keydown", (e) => {
		if (e.ctrlKey || e.metaKey || e.altKey) return;
		if (e.key === "Escape" && document.activeElement.matches(".tip, .find input")) {
			document.activeElement.blur();
			return;
		}
		// From the search down to what it found, and up again.
		const arrow = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
		if (arrow && document.querySelector("main .hits") && e.target.closest(".find, .hits")) {
			const all = [document.querySelector(".find input"), ...document.querySelectorAll("main .hits a")];
			e.preventDefault();
			all[Math.min(all.length - 1, Math.max(0, all.indexOf(e.target) + arrow))]?.focus();
			return;
		}
		if (typing(e)) return;
		if (awaiting > Date.now() && e.key >= "1" && e.key <= "9") {
			const link = places()[Number(e.key) - 1];
			if (link) link.click();
			awaiting = 0;
			return;
		}
		switch (e.key) {
		case "/": {
			const find = document.querySelector("[data-focus-by='/']");
			if (!find) return;
			e.preventDefault();
			find.focus();
			find.select();
			break;
		}
		case "?":
			document.getElementById("keys")?.showModal();
			break;
		case "g":
			awaiting = Date.now() + 1500;
			break;
		case "j":
			step(1);
			break;
		case "k":
			step(-1);
			break;
		}
	});

	document.addEventListener("click", (e) => {
		const dismiss = e.target.closest("[data-dismiss]");
		if (dismiss) dismiss.closest(".toast").remove();
		const open = e.target.closest("[data-open]");
		if (open) {
			document.getElementById("person")?.hidePopover?.();
			document.getElementById(open.dataset.open)?.showModal();
		}
		const copy = e.target.closest("[data-copy]");
		if (copy) {
			navigator.clipboard?.writeText(document.getElementById(copy.dataset.copy).textContent).then(() => {
				copy.dataset.done = "";
				setTimeout(() => delete copy.dataset.done, 1500);
			});
		}
	});

	// One stop for Tab, arrow keys within; what a field is stands below.
	const raw = document.querySelector("[data-fields]");
	if (raw) {
		const about = document.getElementById(raw.dataset.fields);
		const idle = about.textContent;
		const fields = () => [...raw.querySelectorAll("[role=option]")];
		const tell = (f) => { about.textContent = f ? f.title + ": " + f.textContent : idle; };
		const linked = (f, on) => {
			for (const row of document.querySelectorAll(`[data-field="${CSS.escape(f.dataset.of || "")}"]`)) row.classList.toggle("lit", on);
		};
		for (const f of fields()) f.tabIndex = -1;
		if (fields()[0]) fields()[0].tabIndex = 0;
		raw.addEventListener("pointerover", (e) => { const f = e.target.closest("[role=option]"); if (f) { tell(f); linked(f, true); } });
		raw.addEventListener("pointerout", (e) => { const f = e.target.closest("[role=option]"); if (f) { tell(document.activeElement.closest("[role=option]")); linked(f, false); } });
		raw.addEventListener("focusin", (e) => { const f = e.target.closest("[role=option]"); if (f) { tell(f); linked(f, true); f.setAttribute("aria-selected", "true"); } });
		raw.addEventListener("focusout", (e) => { const f = e.target.closest("[role=option]"); if (f) { tell(null); linked(f, false); f.setAttribute("aria-selected", "false"); } });
		raw.addEventListener("keydown", (e) => {
			const all = fields(), at = all.indexOf(document.activeElement);
			if (at < 0) return;
			const segment = all[at].parentElement;
			const first = (s) => s && s.querySelector("[role=option]");
			const to = {
				ArrowRight: () => all[at + 1], ArrowLeft: () => all[at - 1], Home: () => all[0], End: () => all[all.length - 1],
				ArrowDown: () => first(segment.nextElementSibling), ArrowUp: () => first(segment.previousElementSibling),
			}[e.key]?.();
			if (!to) return;
			e.preventDefault();
			all[at].tabIndex = -1;
			to.tabIndex = 0;
			to.focus();
		});
	}

	// Say so while changes do not arrive.
	const changes = document.getElementById("changes");
	if (changes) {
		const still = (on) => document.documentElement.toggleAttribute("data-still", on);
		changes.addEventListener("htmx:sse:error", () => still(true));
		changes.addEventListener("htmx:sse:after:connection", () => still(false));
		// A list whose reading is audited is not read again by itself: it says
		// that there is more.
		changes.addEventListener("recorded", () => document.querySelector("[data-newer]")?.removeAttribute("hidden"));
	}
})();
