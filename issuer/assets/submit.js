// Sends the waiting form at once; without scripts its button does.
document.querySelector("form[data-submit]").submit();
