"use strict";
// A box that ticks all boxes of its table.
for (const label of document.querySelectorAll("[data-choose-all]")) {
	const all = label.querySelector("input");
	const boxes = [...label.closest("table").querySelectorAll("tbody input[type=checkbox]")];
	label.hidden = false;
	const tell = () => {
		const n = boxes.filter((b) => b.checked).length;
		all.checked = n > 0 && n === boxes.length;
		all.indeterminate = n > 0 && n < boxes.length;
	};
	all.addEventListener("change", () => { for (const b of boxes) b.checked = all.checked; });
	for (const b of boxes) b.addEventListener("change", tell);
	tell();
}
