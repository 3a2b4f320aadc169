"use strict";
// A one-time link carries its secret behind the #, so that no server or log
// sees it in an address.
(() => {
	const use = () => {
		const form = document.getElementById("link-form");
		if (!form || location.hash.length < 2) return;
		document.getElementById("f-link").value = location.hash.slice(1);
		history.replaceState(null, "", location.pathname + location.search);
		form.submit();
	};
	addEventListener("hashchange", use);
	use();
})();
