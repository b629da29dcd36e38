for (const section of document.querySelectorAll("section")) {
  linked(section, (x1, y1, x2, y2) => `M${x1} ${y1}L${x2} ${y2}`).draw();
}
