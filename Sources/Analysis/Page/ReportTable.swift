/// A table of a report, for a page or a terminal.
public struct ReportTable: Sendable, Equatable {
  public struct Column: Sendable, Equatable {
    public enum Alignment: Sendable { case left, right }

    public var title: String
    public var alignment: Alignment

    public init(_ title: String, _ alignment: Alignment = .right) {
      self.title = title
      self.alignment = alignment
    }
  }

  public struct Cell: Sendable, Equatable, ExpressibleByStringInterpolation {
    public var text: String
    /// Set in bold, such as the best of a row.
    public var isStrong: Bool

    public init(_ text: String, isStrong: Bool = false) {
      self.text = text
      self.isStrong = isStrong
    }

    public init(stringLiteral text: String) { self.init(text) }
  }

  public var columns: [Column]
  /// Each with as many cells as there are columns.
  public private(set) var rows: [[Cell]] = []

  public init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row below the others.
  public mutating func add(_ cells: [Cell]) throws(AnalysisError) {
    guard cells.count == columns.count else {
      throw AnalysisError("row \(rows.count) of a table has \(cells.count) cells for \(columns.count) columns")
    }
    rows.append(cells)
  }

  /// One row a task and one column a method, the least value of each row in bold.
  ///
  /// - Parameters:
  ///   - values: `[task][method]`; NaN prints as a dash.
  ///   - significant: the significant digits. Values that print alike as the least are all bold.
  public init(
    tasks: [String], methods: [String], values: [[Double]], significant: Int = 4
  ) throws(AnalysisError) {
    guard tasks.count == values.count else {
      throw AnalysisError("\(tasks.count) names of tasks for \(values.count) rows of values")
    }
    self.init([Column("task", .left)] + methods.map { Column($0) })
    for (task, row) in zip(tasks, values) {
      let best = row.filter { !$0.isNaN }.min().map { numberText($0, significant: significant, keepsZeros: true) }
      let cells = row.map { value -> Cell in
        let text = numberText(value, significant: significant, keepsZeros: true)
        return Cell(text, isStrong: text == best)
      }
      try add([Cell(task)] + cells)
    }
  }

  /// Lines of text with columns that line up; for fonts of one width.
  public var text: String {
    let all = [columns.map(\.title)] + rows.map { $0.map(\.text) }
    let widths = columns.indices.map { i in all.map { $0[i].count }.max() ?? 0 }
    let lines = all.map { row in
      columns.indices.map { i -> String in
        let space = String(repeating: " ", count: widths[i] - row[i].count)
        return columns[i].alignment == .left ? row[i] + space : space + row[i]
      }.joined(separator: "  ")
    }
    return lines.map { line in
      String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }

  var html: String {
    func kind(_ column: Column) -> String { column.alignment == .right ? " class=\"number\"" : "" }
    var html = "<div class=\"wide\"><table>\n<thead><tr>"
    for column in columns { html += "<th scope=\"col\"\(kind(column))>\(escaped(column.title))</th>" }
    html += "</tr></thead>\n<tbody>\n"
    for row in rows {
      html += "<tr>"
      for (column, cell) in zip(columns, row) {
        let text = cell.isStrong ? "<strong>\(escaped(cell.text))</strong>" : escaped(cell.text)
        html += "<td\(kind(column))>\(text)</td>"
      }
      html += "</tr>\n"
    }
    return html + "</tbody>\n</table></div>\n"
  }
}
