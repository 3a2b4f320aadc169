"use strict";
// Waveforms drawn as a bedside monitor does: a trace that sweeps from left to
// right at the wave's own rate and wipes the old one just ahead of itself.
// One animation loop moves all of them and draws only what is new.
const Waves = (() => {
	const sweep = 94.5;      // pixels a second: 25 mm at 96 dpi
	const wiped = 14;        // pixels kept empty ahead of the trace
	const reserve = 0.35;    // seconds a trace lags behind, so that late samples are in time
	const patience = 0.4;    // seconds an empty hand waits before a gap is drawn

	const calm = matchMedia("(prefers-reduced-motion: reduce)");
	const waves = new Set();
	let held = false;
	let last = 0;
	let frame = 0;

	class Wave {
		constructor(canvas) {
			this.canvas = canvas;
			this.pen = canvas.getContext("2d");
			this.samples = [];    // in hand, not drawn yet; null is a gap
			this.at = 0;          // part of a sample that is due
			this.x = 0;           // where the trace is, in pixels
			this.y = null;        // where the pen was left; null after a gap
			this.period = 8;      // milliseconds between samples
			this.expected = 0;    // when the next run should begin, sender's clock
			this.dry = 0;         // seconds without anything in hand
			this.wait = reserve;  // seconds until the trace goes on
			this.run = 0;         // seconds of the longest run that came
			this.low = Infinity;  // of this sweep
			this.high = -Infinity;
			this.from = -1;       // what is drawn: lowest and highest value
			this.to = 1;
			this.seen = true;
			this.recent = [];     // for who wants no movement: the last sweep
			waves.add(this);
			this.fit();
		}

		fit() {
			const ratio = Math.min(devicePixelRatio || 1, 2);
			const box = this.canvas.getBoundingClientRect();
			const width = Math.max(1, Math.round(box.width));
			const height = Math.max(1, Math.round(box.height));
			if (width === this.width && height === this.height && ratio === this.ratio) return;
			Object.assign(this, { width, height, ratio });
			this.canvas.width = this.width * ratio;
			this.canvas.height = this.height * ratio;
			this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
			this.pen.lineWidth = 1.6;
			this.pen.lineJoin = "round";
			this.pen.lineCap = "round";
			this.ink();
			this.x = 0;
			this.y = null;
		}

		ink() {
			const style = getComputedStyle(this.canvas);
			this.pen.strokeStyle = style.color;
			this.pen.fillStyle = style.borderTopColor; // of gaps
		}

		// gap draws the line of dots that says that nothing came here.
		gap(from, width) {
			const y = Math.round(this.height / 2);
			for (let x = Math.ceil(from / 8) * 8; x < from + width; x += 8) this.pen.fillRect(x % this.width, y, 4, 1.5);
		}

		// take adds a run of samples; at is the sender's time of the first.
		take(at, period, run) {
			if (period !== this.period) {
				this.period = period;
				this.samples.length = 0;
			}
			const missing = at - this.expected;
			if (this.expected && missing > Math.max(60, 4 * period)) {
				const n = Math.min(Math.round(missing / period), Math.ceil((this.width / sweep) * 1000 / period));
				// A gap that the trace has waited through already is not drawn twice.
				if (this.samples.length) for (let i = 0; i < n; i++) this.samples.push(null);
				else this.samples.push(null);
			}
			this.expected = at + run.length * period;
			for (const value of run) this.samples.push(value);
			this.run = Math.max(this.run * 0.9, run.length * period / 1000);
			const bound = Math.ceil((2 * this.run + 3) * 1000 / period);
			if (this.samples.length > bound) this.samples.splice(0, this.samples.length - bound);
			if (!this.scaled) {
				for (const value of run) this.range(value);
				this.rescale();
				this.scaled = true;
			}
			if (calm.matches) this.keep(run);
		}

		range(value) {
			if (value === null) return;
			if (value < this.low) this.low = value;
			if (value > this.high) this.high = value;
		}

		// rescale takes the range of the sweep that ends; a little change changes
		// nothing, so that the trace stands still.
		rescale() {
			if (this.high > this.low) {
				const span = this.high - this.low;
				const drawn = this.to - this.from;
				if (!this.scaled || this.low < this.from || this.high > this.to || span < drawn * 0.6) {
					this.from = this.low - span * 0.12;
					this.to = this.high + span * 0.12;
				}
			}
			this.low = Infinity;
			this.high = -Infinity;
		}

		level(value) { return this.height - 2 - ((value - this.from) / (this.to - this.from)) * (this.height - 4); }

		// wipe clears what lies ahead of the trace and was not clear yet: next to
		// the trace it would cut into its line.
		wipe(width) {
			const x = (this.x + wiped) % this.width;
			this.pen.clearRect(x, 0, width, this.height);
			if (x + width > this.width) this.pen.clearRect(0, 0, x + width - this.width, this.height);
		}

		// move draws what has become due in this many seconds.
		move(seconds) {
			const each = this.period / 1000;
			if (this.samples.length === 0) {
				this.wait = reserve;
				if ((this.dry += seconds) > patience) this.blank(seconds);
				return;
			}
			if ((this.wait -= seconds) > 0) return;
			this.dry = 0;
			// More in hand than one run and the reserve: catch up, unnoticed.
			const ahead = this.samples.length * each - this.run - reserve;
			const hurry = ahead > 1.5 ? 1.5 : ahead > 0.25 ? 1.03 : 1;
			this.at += seconds * hurry / each;
			let n = Math.floor(this.at);
			this.at -= n;
			if (n >= this.samples.length) {
				n = this.samples.length;
				this.at = 0;
			}
			if (n === 0) return;
			const step = sweep * each;
			if (this.seen) this.wipe(n * step);
			const pen = this.pen;
			pen.beginPath();
			if (this.y !== null) pen.moveTo(this.x, this.y);
			for (let i = 0; i < n; i++) {
				const value = this.samples[i];
				this.x += step;
				if (this.x > this.width) {
					this.x -= this.width;
					this.rescale();
					this.y = null;
				}
				this.range(value);
				if (value === null) {
					this.y = null;
					if (this.seen) this.gap(this.x - step, step);
					continue;
				}
				const y = this.level(value);
				if (this.y === null) pen.moveTo(this.x, y);
				else pen.lineTo(this.x, y);
				this.y = y;
			}
			this.samples.splice(0, n);
			if (this.seen) pen.stroke();
		}

		// blank moves on with an empty trace: nothing comes.
		blank(seconds) {
			this.y = null;
			const step = sweep * seconds;
			if (this.seen) {
				this.wipe(step);
				this.gap(this.x, step);
			}
			this.x += step;
			if (this.x > this.width) this.x -= this.width;
		}

		// keep and still: a picture of the last seconds, renewed now and then.
		keep(run) {
			const room = Math.floor((this.width / sweep) * 1000 / this.period);
			this.recent.push(...run);
			if (this.recent.length > room) this.recent.splice(0, this.recent.length - room);
			this.samples.length = 0;
		}

		still() {
			const pen = this.pen;
			pen.clearRect(0, 0, this.width, this.height);
			for (const value of this.recent) this.range(value);
			this.rescale();
			pen.beginPath();
			let down = false;
			this.recent.forEach((value, i) => {
				const x = i * sweep * this.period / 1000;
				if (value !== null) down ? pen.lineTo(x, this.level(value)) : pen.moveTo(x, this.level(value));
				down = value !== null;
			});
			pen.stroke();
		}

		remove() { waves.delete(this); }
	}

	const tick = (now) => {
		frame = requestAnimationFrame(tick);
		if (calm.matches) {
			if (now - last < 5000) return;
			last = now;
			for (const wave of waves) wave.still();
			return;
		}
		const seconds = (now - last) / 1000;
		if (seconds < 0.030) return; // 30 pictures a second are smooth at this pace
		last = now;
		for (const wave of waves) wave.move(Math.min(seconds, 1));
	};

	const run = () => {
		const go = !held && !document.hidden;
		if (go && !frame) {
			last = performance.now() - (calm.matches ? 4000 : 0);
			frame = requestAnimationFrame(tick);
		}
		if (!go && frame) {
			cancelAnimationFrame(frame);
			frame = 0;
			for (const wave of waves) {
				wave.samples.length = 0;
				wave.expected = 0;
				wave.wait = reserve;
			}
		}
	};
	document.addEventListener("visibilitychange", run);

	const sizes = new ResizeObserver((entries) => {
		for (const entry of entries) for (const wave of waves) if (wave.canvas === entry.target) wave.fit();
	});
	const sight = new IntersectionObserver((entries) => {
		for (const entry of entries) for (const wave of waves) if (wave.canvas === entry.target) wave.seen = entry.isIntersecting;
	});
	const repaint = () => { for (const wave of waves) wave.ink(); };
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

	return {
		make(canvas) {
			const wave = new Wave(canvas);
			sizes.observe(canvas);
			sight.observe(canvas);
			run();
			return wave;
		},
		hold(on) { held = on; run(); },
	};
})();
