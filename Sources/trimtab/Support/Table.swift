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

  var columns: [Column]
  var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  private func narrowest(_ column: Int, _ natural: Int) -> Int {
    columns[column].mayShrink ? min(natural, Self.narrowest) : natural
  }

  /// How many columns can stand beside each other when all are as narrow as they may be; at least one.
  private func fittingCount(_ natural: [Int], in width: Int) -> Int {
    var total = -Self.gap
    for column in natural.indices {
      total += Self.gap + narrowest(column, natural[column])
      if total > width { return max(1, column) }
    }
    return natural.count
  }

  /// The lines of the table, a line of titles first.
  /// - Parameters:
  ///   - width: the columns of the terminal; nil means as wide as it needs.
  ///   - ellipsis: what stands where something was cut.
  func lines(width: Int?, ellipsis: String = "…") -> [String] {
    var cells = [columns.map { printable($0.title) }] + rows.map { $0.map(printable) }
    var widths = columns.indices.map { column in cells.map { widthInColumns(of: $0[column]) }.max() ?? 0 }
    var count = columns.count
    if let width {
      let natural = widths
      count = fittingCount(natural, in: width)
      func total() -> Int { widths[..<count].reduce(0, +) + Self.gap * (count - 1) }
      while total() > width {
        let candidates = (0..<count).filter { widths[$0] > narrowest($0, natural[$0]) }
        guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else {
          widths[0] = min(widths[0], width)
          break
        }
        widths[widest] -= 1
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
        line += columns[column].alignment == .left ? row[column] + padding : padding + row[column]
      }
      while line.last == " " { line.removeLast() }
      return line
    }
    if count < columns.count {
      let names = columns[count...].map { printable($0.title) }.joined(separator: ", ")
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
        while let first = line.first, columns(of: head) + columns(of: first) <= room { head.append(line.removeFirst()) }
        if head.isEmpty { head.append(line.removeFirst()) }
        lines.append(head)
      }
    }
    if !line.isEmpty { lines.append(line) }
    return lines
  }
}
