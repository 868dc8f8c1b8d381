// Comfort on a thread's page, which works without: walk from item to item, fold and unfold, copy a link.

(() => {
    "use strict";

    const conversation = document.getElementById("conversation");
    const parts = (name) => conversation.querySelectorAll(`[data-ck="${name}"]`);
    const bubbles = [...conversation.querySelectorAll(".ck-bubble")];
    const folds = conversation.querySelectorAll("details.ck-fold");
    const [said] = parts("said");
    if (!said) return; // nothing was said

    for (const each of parts("tools")) each.hidden = each.classList.contains("ck-folds") && folds.length === 0;
    for (const [name, open] of [["unfold", true], ["fold", false]]) {
        parts(name)[0].addEventListener("click", () => {
            for (const fold of folds) fold.open = open;
        });
    }

    function walk(step) {
        const here = bubbles.indexOf(document.activeElement.closest(".ck-bubble"));
        const bubble = here < 0 ? firstInSight() : bubbles[here + step];
        if (!bubble) return;
        focusOn(bubble);
        bubble.scrollIntoView({ block: "nearest" });
    }

    function firstInSight() {
        return bubbles.find((bubble) => bubble.getBoundingClientRect().bottom > 0);
    }

    function focusOn(bubble) {
        bubble.tabIndex = -1;
        bubble.focus({ preventScroll: true });
    }

    function copy() {
        const link = document.activeElement.closest(".ck-bubble")?.querySelector("a.ck-id");
        if (!link) return;
        // Said anew each time: a screen reader tells what changes.
        said.textContent = "";
        // Browsers keep the clipboard from pages without HTTPS; there the link itself is still to be copied.
        const copied = navigator.clipboard ? navigator.clipboard.writeText(link.href) : Promise.reject();
        copied.then(
            () => { said.textContent = said.dataset.copied; },
            () => link.focus(),
        );
    }

    const keys = { j: () => walk(1), k: () => walk(-1), c: copy };

    // Only within the conversation: elsewhere single letters are left to the browser and to whoever reads aloud.
    conversation.addEventListener("keydown", (event) => {
        const act = keys[event.key];
        if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
        if (event.target.closest("input, select, textarea")) return;
        event.preventDefault();
        act();
    });

    // Where a link leads to an item the keys go on from there, and a screen reader begins there. A link whose place was lost
    // on the way still leads to it.
    const wanted = conversation.querySelector(".ck-is-wanted");
    if (wanted) focusOn(wanted);
    if (wanted && !location.hash) wanted.scrollIntoView();
})();
