/// Rows of text in columns that line up.
///
/// Given a width, the widest columns are shortened until the table fits, and columns at the end are left out where that
/// is not enough; without one (output that is piped) nothing is ever shortened.
struct Table {
  enum Alignment { case left, right }

  struct Column {
    var title: String
    var alignment: Alignment
    /// Whether its texts may be cut; a cut number would be another number.
    var mayShrink: Bool

    init(_ title: String, _ alignment: Alignment = .left, mayShrink: Bool? = nil) {
      self.title = title
      self.alignment = alignment
      self.mayShrink = mayShrink ?? (alignment == .left)
    }
  }

  private static let gap = 2
  /// Columns are not cut below this.
  private static let narrowest = 6

  var columnsShown: [Column]
  var rows: [[String]] = []

  init(_ columns: [Column]) { columnsShown = columns }

  /// The lines of the table, a line of titles first.
  /// - Parameters:
  ///   - width: the columns of the terminal; nil means as wide as it needs.
  ///   - ellipsis: what stands where something was cut.
  func lines(width: Int?, ellipsis: String = "…") -> [String] {
    var cells = [columnsShown.map { printable($0.title) }] + rows.map { $0.map(printable) }
    var widths = columnsShown.indices.map { column in cells.map { widthInColumns(of: $0[column]) }.max() ?? 0 }
    var count = columnsShown.count
    if let width {
      func total() -> Int { widths[..<count].reduce(0, +) + Self.gap * max(0, count - 1) }
      while total() > width {
        let candidates = (0..<count).filter { columnsShown[$0].mayShrink && widths[$0] > Self.narrowest }
        if let widest = candidates.max(by: { widths[$0] < widths[$1] }) {
          widths[widest] -= 1
        } else if count > 1 {
          count -= 1
        } else {
          widths[0] = min(widths[0], width)
          break
        }
      }
      for row in cells.indices {
        for column in 0..<count {
          cells[row][column] = StyledText(cells[row][column]).fitted(to: widths[column], ellipsis: ellipsis).text
        }
      }
    }
    var lines = cells.map { row in
      var line = ""
      for column in 0..<count {
        let padding = String(repeating: " ", count: widths[column] - widthInColumns(of: row[column]))
        if column > 0 { line += String(repeating: " ", count: Self.gap) }
        line += columnsShown[column].alignment == .left ? row[column] + padding : padding + row[column]
      }
      while line.last == " " { line.removeLast() }
      return line
    }
    if count < columnsShown.count {
      let names = columnsShown[count...].map { printable($0.title) }.joined(separator: ", ")
      let note = StyledText("(no room for: \(names))").fitted(to: width ?? .max, ellipsis: ellipsis)
      lines.append(note.text)
    }
    return lines
  }
}

private func widthInColumns(of text: String) -> Int { columns(of: text) }

/// Names and texts, one a line, the texts in line; long texts go on below.
struct FieldList {
  private(set) var lines: [String] = []
  private let indent: Int
  private let width: Int?

  /// - Parameters:
  ///   - indent: the column in which the texts begin.
  ///   - width: the columns of the terminal; nil means that lines may be of any length.
  init(indent: Int = 12, width: Int?) {
    self.indent = indent
    self.width = width
  }

  mutating func add(_ name: String, _ text: String) {
    let room = width.map { max(20, $0 - indent) } ?? .max
    for (i, part) in Self.wrapped(printable(text), room).enumerated() {
      let head = i == 0 ? name : ""
      lines.append(head + String(repeating: " ", count: max(1, indent - columns(of: head))) + part)
    }
  }

  mutating func add(_ name: String, _ texts: [String]) {
    for (i, text) in texts.enumerated() { add(i == 0 ? name : "", text) }
  }

  /// The text in lines of at most `room` columns, broken between words where there are any.
  static func wrapped(_ text: String, _ room: Int) -> [String] {
    guard columns(of: text) > room else { return [text] }
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if !line.isEmpty, columns(of: line) + 1 + columns(of: String(word)) > room {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
      while columns(of: line) > room {
        var head = ""
        while let first = line.first, columns(of: head) + columns(of: first) <= room {
          head.append(line.removeFirst())
          _ = first
        }
        if head.isEmpty { head.append(line.removeFirst()) }
        lines.append(head)
      }
    }
    if !line.isEmpty { lines.append(line) }
    return lines
  }
}
