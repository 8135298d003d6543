// Looks at the page as it stands; answers with every offence found: [what, where].
() => {
  const offences = [];
  const offend = (what, where) => offences.push([what, typeof where === "string" ? where : describe(where)]);
  const describe = (element) => `<${element.tagName.toLowerCase()} id="${element.id}" class="${element.className}"> ${element.textContent.trim().slice(0, 40)}`;
  const visible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });

  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter((one) => visible(one) && one.getBoundingClientRect().right > root.clientWidth + 1);
    offend(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`, wide.at(-1) ?? "page");
  }
  if (!root.lang) offend("has no language", "html");
  if (!document.title) offend("has no title", "head");
  for (const one of ["h1", "main", "header"]) {
    if (document.querySelectorAll(one).length !== 1) offend(`has not exactly one ${one}`, "body");
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) offend("has an id twice", id);

  let before = 0;
  for (const heading of [...document.querySelectorAll("main :is(h1, h2, h3, h4), header h1")].filter(visible)) {
    const level = Number(heading.tagName[1]);
    if (level > before + 1) offend("leaves out a level of headings", heading);
    before = level;
  }
  for (const field of [...document.querySelectorAll("input, select, textarea")].filter(visible)) {
    if (![...field.labels].some((label) => label.textContent.trim())) offend("has no label", field);
  }
  for (const control of [...document.querySelectorAll("a[href], button")].filter(visible)) {
    if (!(control.getAttribute("aria-label") || control.textContent).trim()) offend("has no name", control);
  }
  for (const image of document.querySelectorAll("img, [role=img]")) {
    if (!(image.getAttribute("alt") || image.getAttribute("aria-label"))) offend("has no words for it", image);
  }
  for (const name of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      if (!document.getElementById(element.getAttribute(name))) offend(`names nobody by ${name}`, element);
    }
  }

  // Contrast of text, as WCAG 2.2 defines it: 4.5, or 3 for large text. Controls that cannot be used are exempt.
  const parts = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const opaque = (colour) => { const [, , , alpha = 1] = parts(colour); return alpha === 1; };
  const brightness = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (opaque(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const exempt = element.closest("script, noscript, :disabled, option");
    if (exempt || !texts.currentNode.textContent.trim() || !visible(element)) continue;
    const style = getComputedStyle(element);
    const [light, dark] = [brightness(style.color), brightness(ground(element))].sort((one, other) => other - one);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) offend(`has a contrast of ${ratio.toFixed(2)} only`, element);
  }
  return offences;
}
