// An alignment that a page gets while it is open: its words, the lines between them, and the heat map.
const make = (tag, content, attributes = {}) => {
  const made = document.createElement(tag);
  made.textContent = content;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};

// A number with two decimals, for reading: what rounds to zero has no sign.
const decimals = (number) => number.toFixed(2).replace(/^-0\.00$/, "0.00").replace("-", "−");

// Returns what shows one, and what places its lines when words have moved. `labels` are for screen readers, and the
// languages of both sides are for the choice of a voice and of letters.
const alignmentIn = (section) => {
  const groups = [...section.querySelectorAll(".row")];
  const [head, body, caption] = ["thead", "tbody", "#caption"].map((name) => section.querySelector(name));
  // The lines bend, so that those which leave a word together can be told apart.
  const links = linked(section, (x1, y1, x2, y2) => {
    const bend = (y2 - y1) / 2;
    return `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`;
  });

  const show = ({ source, target, labels, weights, languages = ["", ""] }, { explained, ended }) => {
    const chips = (words, spoken, lang) => words.map((word, i) => (
      make("button", word, { type: "button", dir: "auto", lang, "aria-label": spoken[i] })
    ));
    groups[0].replaceChildren(...chips(source, labels[0], languages[0]));
    groups[1].replaceChildren(...chips(target, labels[1], languages[1]));

    const heads = source.map((word) => make("th", word, { scope: "col", dir: "auto", lang: languages[0] }));
    const sides = target.map((word) => make("th", word, { scope: "row", dir: "auto", lang: languages[1] }));
    const cells = weights.map((row) => row.map((weight) => {
      const cell = make("td", String(Math.round(100 * weight)), weight >= 0.7 ? { class: "hot" } : {});
      cell.style.setProperty("--w", weight);
      return cell;
    }));
    const top = document.createElement("tr");
    top.append(make("td", ""), ...heads);
    head.replaceChildren(top);
    body.replaceChildren(...cells.map((row, i) => {
      const line = document.createElement("tr");
      line.append(sides[i], ...row);
      return line;
    }));
    const rests = weights.some((row) => row.reduce((a, b) => a + b, 0) < 0.995);
    caption.textContent = explained + (rests ? ended : ".");
    links.draw();
  };

  return { show, place: links.place };
};
