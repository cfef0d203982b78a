/// A report as one HTML file that needs nothing else: no network, no scripts. It suits paper, phones, and light and dark
/// screens.
public struct HTMLPage: Sendable {
  /// What a section holds, from top to bottom. All text is plain: what means something to HTML is escaped.
  public indirect enum Block: Sendable {
    case paragraph(String)
    case list([String])
    /// Text in a font of one width, as it is.
    case code(String)
    case table(ReportTable, caption: String)
    case figure(Figure, caption: String)
    /// Closed until it is opened: provenance, settings and whatever few readers need.
    case details(summary: String, [Block])
  }

  public struct Section: Sendable {
    public var heading: String
    public var blocks: [Block]

    public init(_ heading: String, _ blocks: [Block] = []) {
      self.heading = heading
      self.blocks = blocks
    }
  }

  public var title: String
  /// What the page is about in a sentence or two; empty for none.
  public var summary: String
  public var sections: [Section]
  /// The language of the text, as BCP 47 has it.
  public var language: String

  public init(_ title: String, summary: String = "", sections: [Section] = [], language: String = "en") {
    self.title = title
    self.summary = summary
    self.sections = sections
    self.language = language
  }

  /// The file.
  public var html: String {
    var html = """
      <!DOCTYPE html>
      <html lang="\(escaped(language))">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(escaped(title))</title>
      <style>
      \(Self.css)\(FigureStyle.css)</style>
      </head>
      <body>
      <header>
      <h1>\(escaped(title))</h1>

      """
    if !summary.isEmpty { html += "<p>\(escaped(summary))</p>\n" }
    html += "</header>\n"
    if sections.count > 2 {
      html += "<nav aria-label=\"Sections\"><ol>\n"
      for (i, section) in sections.enumerated() {
        html += "<li><a href=\"#section-\(i + 1)\">\(escaped(section.heading))</a></li>\n"
      }
      html += "</ol></nav>\n"
    }
    html += "<main>\n"
    for (i, section) in sections.enumerated() {
      html += "<section id=\"section-\(i + 1)\">\n<h2>\(escaped(section.heading))</h2>\n"
      for block in section.blocks { html += Self.markup(block) }
      html += "</section>\n"
    }
    return html + "</main>\n</body>\n</html>\n"
  }

  private static func markup(_ block: Block) -> String {
    switch block {
    case .paragraph(let text): return "<p>\(escaped(text))</p>\n"
    case .list(let items):
      return "<ul>\n" + items.map { "<li>\(escaped($0))</li>\n" }.joined() + "</ul>\n"
    case .code(let text): return "<pre><code>\(escaped(text))</code></pre>\n"
    case .table(let table, let caption):
      let words = caption.isEmpty ? "" : "<figcaption>\(escaped(caption))</figcaption>\n"
      return "<figure>\n\(words)\(table.html)</figure>\n"
    case .figure(let figure, let caption):
      let words = ([caption] + figure.notes).filter { !$0.isEmpty }.joined(separator: " ")
      let below = words.isEmpty ? "" : "<figcaption>\(escaped(words))</figcaption>\n"
      let size = "max-width: \(numberText(figure.width))px"
      let drawing = "<div class=\"drawing\" style=\"\(size)\">\n\(figure.markup(isAlone: false))</div>\n"
      return "<figure>\n<div class=\"wide\">\(drawing)</div>\n\(below)</figure>\n"
    case .details(let summary, let blocks):
      return "<details>\n<summary>\(escaped(summary))</summary>\n" + blocks.map { markup($0) }.joined() + "</details>\n"
    }
  }

  private static let css = """
    :root { color-scheme: light dark; }
    body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; color: #1c1f24; background: #ffffff;
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
    h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 0.5rem; }
    h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; border-bottom: 1px solid #dfe3e8; padding-bottom: 0.25rem; }
    p, li { max-width: 44rem; overflow-wrap: break-word; }
    a { color: #0a36e6; }
    nav ol { columns: 2 16rem; padding-left: 1.25rem; }
    figure { margin: 1.25rem 0 1.75rem; }
    figcaption { color: #5a6270; font-size: 0.9rem; max-width: 44rem; margin: 0.25rem 0 0.5rem; }
    .wide { overflow-x: auto; }
    .drawing { min-width: 34rem; }
    .drawing svg { display: block; width: 100%; height: auto; }
    table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
    th, td { padding: 0.3rem 0.75rem; text-align: left; border-bottom: 1px solid #dfe3e8; white-space: nowrap; }
    th { font-weight: 600; }
    .number { text-align: right; }
    pre { overflow-x: auto; padding: 0.75rem; background: #f4f5f7; font-size: 0.85rem; border-radius: 4px; }
    details { margin: 1rem 0; border: 1px solid #dfe3e8; border-radius: 4px; padding: 0.5rem 0.75rem; }
    summary { cursor: pointer; font-weight: 600; }
    @media screen and (prefers-color-scheme: dark) {
      body { color: #e6e8eb; background: #16181d; }
      h2, th, td, details { border-color: #363c46; }
      a { color: #8f9bff; }
      figcaption { color: #a3abb8; }
      pre { background: #21252c; }
    }
    @media print {
      body { max-width: none; padding: 0; font-size: 10pt; }
      nav { display: none; }
      .wide { overflow: visible; }
      .drawing { min-width: 0; }
      h2, figcaption { break-after: avoid; }
      figure, tr { break-inside: avoid; }
      figure:has(table) { break-inside: auto; }
      pre { white-space: pre-wrap; }
      details::details-content { content-visibility: visible; block-size: auto; }
    }

    """
}
