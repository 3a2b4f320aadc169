"use strict";
// Live beds: numbers, waveforms and alerts as they are recorded, over one
// WebSocket. The page is whole without it; this keeps it moving.
(() => {
	const root = document.querySelector("[data-beds]");
	if (!root) return;
	const quiet = 3500;         // milliseconds from which a waveform is said to be missing
	const state = document.querySelector("[data-live-state]");
	const hold = document.querySelector("[data-live-hold]");
	const priorities = Object.fromEntries(["high", "medium", "low", "none"].map((p, i) => [p, root.dataset.priorities.split("|")[i]]));
	const elsewhere = new Set(); // beds this page does not show
	const beds = new Map();
	let ahead = Number(root.dataset.now) - Date.now(); // the server's clock against ours
	let held = false;
	let socket = null;
	let pause = 500;
	let leaving = 0;

	const serverNow = () => Date.now() + ahead;
	const set = (node, text) => { if (node && node.textContent !== text) node.textContent = text; };
	const span = (ms) => {
		const s = Math.max(0, Math.floor(ms / 1000));
		if (s < 60) return `${s} s`;
		if (s < 3600) return `${Math.floor(s / 60)} min`;
		return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
	};
	const gapAfter = 60000;     // from this age on it is said since when there is none
	const clock = (() => {
		const zone = root.dataset.zone;
		let part;
		try {
			part = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
		} catch {
			part = new Intl.DateTimeFormat("sv-SE", { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
		}
		return (at) => {
			const [day, time] = part.format(at).split(" ");
			return day === part.format(serverNow()).split(" ")[0] ? time : `${day} ${time}`;
		};
	})();
	const aged = (age, old) => {
		if (old < gapAfter) return span(old);
		const at = clock(Number(age.dataset.at));
		return age.dataset.late === "0" ? at : root.dataset.since.replace("%s", at); // 0: measured now and then
	};
	const words = root.dataset.feeds.split("|"); // how a device speaks: as it should, late, silent

	const tell = (name) => {
		if (!state || state.dataset.state === name) return;
		state.dataset.state = name;
		set(state.querySelector("[data-live-text]"), state.dataset[name]);
	};

	// index finds the parts of a bed once, so that news costs no search.
	const index = (el, old) => {
		const bed = { el, codes: new Map(), canvas: el.querySelector("canvas"), wave: old?.wave, heard: old?.heard ?? 0, waveKey: old?.waveKey, drawn: old?.drawn };
		for (const node of el.querySelectorAll("[data-code]")) {
			const block = node.closest("dl > div");
			bed.codes.set(node.dataset.code, { node, block, age: block.querySelector(".age"), first: block.querySelector("[data-code]") === node });
		}
		bed.alarms = el.querySelector(".bed-alarms");
		bed.more = el.querySelector(".alarm-more");
		bed.ages = [...el.querySelectorAll(".age")].map((age) => ({ age, block: age.closest("dl > div"), alarm: age.closest(".alarm") }));
		bed.feeds = new Map([...el.querySelectorAll("[data-feed]")].map((row) => [row.dataset.feed, { row, age: row.querySelector(".age"), state: row.querySelector("[data-feed-state]") }]));
		return bed;
	};
	const reindex = () => {
		for (const el of root.querySelectorAll("[data-bed]")) beds.set(el.dataset.bed, index(el, beds.get(el.dataset.bed)));
	};
	reindex();

	// The page is read again when somebody came, went or moved: what the stream
	// does not tell. At most once in five seconds.
	let readAt = 0;
	let reading = 0;
	const readAgain = () => {
		if (reading || held) return;
		reading = setTimeout(async () => {
			reading = 0;
			readAt = Date.now();
			let fresh;
			try {
				const answer = await fetch(location.href);
				if (!answer.ok || answer.redirected) return;
				fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-beds]");
			} catch {
				return; // the stream says when we are back
			}
			if (!fresh) return;
			const shown = new Set();
			for (const next of fresh.querySelectorAll("[data-bed]")) {
				const key = next.dataset.bed;
				shown.add(key);
				const have = beds.get(key)?.el;
				const group = root.querySelector(`[data-group=${next.closest("[data-group]").dataset.group}]`);
				if (have) {
					for (const part of ["head", "alarms", "values", "feeds"]) {
						const open = have.querySelector(`[data-part=${part}] details`)?.open;
						const now = document.importNode(next.querySelector(`[data-part=${part}]`), true);
						if (open !== undefined && now.querySelector("details")) now.querySelector("details").open = open;
						have.querySelector(`[data-part=${part}]`).replaceWith(now);
					}
					group.append(have);
				} else {
					group.append(document.importNode(next, true));
				}
			}
			const rest = root.querySelector("[data-rest]");
			const freshRest = fresh.querySelector("[data-rest]");
			if (rest && freshRest) {
				rest.hidden = freshRest.hidden;
				set(rest.querySelector("h2"), freshRest.querySelector("h2").textContent);
			}
			for (const [key, bed] of beds) {
				if (shown.has(key)) continue;
				bed.wave?.remove();
				bed.el.remove();
				beds.delete(key);
			}
			for (const key of strangers) if (!shown.has(key)) elsewhere.add(key);
			strangers.clear();
			reindex();
		}, Math.max(300, readAt + 5000 - Date.now()));
	};
	const strangers = new Set();
	const newcomers = new Set(); // beds and devices the page was read again for

	const values = (bed, list) => {
		for (const v of list) {
			const slot = bed.codes.get(v.key);
			if (!slot) {
				readAgain();
				continue;
			}
			set(slot.node, v.text);
			if (slot.first && slot.age) slot.age.dataset.at = v.at;
		}
	};

	const waveform = (bed, w) => {
		if (!bed.canvas) return;
		bed.wave ??= Waves.make(bed.canvas);
		const part = bed.canvas.parentElement;
		if (bed.waveKey !== w.key) {
			bed.waveKey = w.key;
			part.className = `bed-wave ${w.tint}`;
			bed.wave.ink();
			set(part.querySelector("[data-wave-name]"), w.name);
		}
		if (!part.hasAttribute("data-runs")) {
			part.setAttribute("data-runs", "");
			set(part.querySelector("[data-wave-gap]"), "");
			bed.canvas.setAttribute("aria-label", `${w.name}${w.unit ? `, ${w.unit}` : ""}, ${Math.round(1000 / w.period)} / s`);
		}
		bed.heard = Date.now();
		bed.drawn = serverNow();
		bed.wave.take(w.at, w.period, w.samples);
	};

	// note says what is special about an alert: silence of its source counts by
	// our clock, the rest is as reported.
	const note = (row) => {
		const heard = Number(row.dataset.heard ?? 0);
		const lost = heard > 0 && serverNow() - heard > Number(row.dataset.silent);
		row.classList.toggle("alarm-lost", lost);
		const latched = row.classList.contains("alarm-latched");
		set(row.querySelector("[data-note]"), [lost ? root.dataset.lost : "", latched ? root.dataset.latched : "", row.dataset.muted ?? ""].filter(Boolean).join(", "));
	};
	const alarms = (bed, list) => {
		for (const a of list) {
			let row = [...bed.alarms.children].find((li) => li.dataset.alarm === a.id);
			if (!a.on) {
				row?.remove();
				bed.ages = bed.ages.filter((one) => one.alarm !== row);
				continue;
			}
			if (!row) {
				row = document.createElement("li");
				row.dataset.alarm = a.id;
				const part = (tag, name) => {
					const node = document.createElement(tag);
					node.className = name;
					row.append(node);
					return node;
				};
				part("span", "alarm-mark").setAttribute("aria-hidden", "true");
				part("span", "vh");
				part("a", "alarm-text").href = `/messages/${a.ref}`;
				part("span", "alarm-note").dataset.note = "";
				const age = part("span", "age");
				age.dataset.at = a.at;
				bed.ages.push({ age, alarm: row });
				bed.alarms.append(row);
			}
			row.className = `alarm alarm-${a.priority}`;
			row.classList.toggle("alarm-latched", Boolean(a.latched));
			row.classList.toggle("alarm-muted", Boolean(a.muted));
			row.dataset.device = a.device ?? "";
			row.dataset.muted = a.muted ?? "";
			row.dataset.silent ??= 120000;
			row.dataset.heard = serverNow();
			set(row.querySelector(".alarm-mark"), a.mark);
			set(row.querySelector(".vh"), `${priorities[a.priority]}: `);
			set(row.querySelector(".alarm-text"), a.text);
			note(row);
		}
		const order = ["high", "medium", "low", "none"];
		const rank = (li) => order.findIndex((p) => li.classList.contains(`alarm-${p}`));
		const sorted = [...bed.alarms.children].sort((a, b) => rank(a) - rank(b));
		sorted.forEach((li, i) => { if (bed.alarms.children[i] !== li) bed.alarms.insertBefore(li, bed.alarms.children[i]); });
		bed.more.hidden = sorted.length < 2;
		set(bed.more, `+${Math.max(0, sorted.length - 1)}`);
	};

	const hear = (news) => {
		ahead = news.now - Date.now();
		const bed = beds.get(news.bed);
		if (!bed) {
			if (!root.dataset.only && !elsewhere.has(news.bed)) {
				strangers.add(news.bed);
				readAgain();
			}
			return;
		}
		if (news.again) readAgain();
		if (held) return;
		if (news.values) values(bed, news.values);
		if (news.wave) waveform(bed, news.wave);
		if (news.alarms) alarms(bed, news.alarms);
		if (news.devices) {
			for (const row of bed.alarms.children) if (news.devices.includes(row.dataset.device)) row.dataset.heard = news.now;
			for (const id of news.devices) {
				const feed = bed.feeds.get(id);
				if (!feed || !feed.age) {
					const key = `${news.bed} ${id}`;
					if (!newcomers.has(key)) readAgain(); // was not at this bed, or had never spoken
					newcomers.add(key);
					continue;
				}
				feed.row.dataset.at = feed.age.dataset.at = news.now;
			}
		}
	};

	// Ages go on by themselves, so that silence is seen.
	setInterval(() => {
		if (held || document.hidden) return;
		const now = serverNow();
		for (const bed of beds.values()) {
			for (const row of bed.alarms.children) note(row);
			for (const { age, block, alarm } of bed.ages) {
				const old = now - Number(age.dataset.at);
				set(age, alarm ? span(old) : aged(age, old));
				const late = Number(age.dataset.late) > 0 && old > Number(age.dataset.late);
				if (block && block.classList.contains("late") !== late) {
					block.classList.toggle("late", late);
					age.title = late ? root.dataset.noneSince.replace("%s", clock(Number(age.dataset.at))) : "";
				}
			}
			for (const { row, age, state } of bed.feeds.values()) {
				if (!age) continue;
				const old = now - Number(row.dataset.at);
				const how = row.dataset.late === "0" ? 0 : old > Number(row.dataset.silent) ? 2 : old > Number(row.dataset.late) ? 1 : 0;
				if (state.textContent === words[how]) continue;
				set(state, words[how]);
				row.classList.toggle("feed-late", how === 1);
				row.classList.toggle("feed-silent", how === 2);
			}
			const part = bed.canvas?.parentElement;
			if (part?.hasAttribute("data-runs") && Date.now() - bed.heard > quiet) {
				part.removeAttribute("data-runs");
				bed.canvas.setAttribute("aria-label", root.dataset.gap);
				set(part.querySelector("[data-wave-gap]"), root.dataset.noWave.replace("%s", clock(bed.drawn)));
			}
		}
	}, 1000);

	const connect = () => {
		leaving = 0;
		const address = new URL(root.dataset.stream, location.href);
		address.protocol = "wss:";
		if (root.dataset.only) address.searchParams.set("only", root.dataset.only);
		const mine = socket = new WebSocket(address);
		mine.onopen = () => {
			if (pause > 500) readAgain(); // something may have been missed
			pause = 500;
			tell(held ? "held" : "live");
		};
		mine.onmessage = (e) => hear(JSON.parse(e.data));
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

	if (hold) {
		hold.hidden = false;
		hold.addEventListener("click", () => {
			held = !held;
			hold.setAttribute("aria-pressed", String(held));
			Waves.hold(held);
			tell(held ? "held" : socket?.readyState === 1 ? "live" : "lost");
			if (!held) readAgain();
		});
	}
	connect();
})();
