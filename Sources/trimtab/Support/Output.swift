#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a command that only reads writes what it found.
enum Output {
  /// The columns into which tables are fitted: the terminal's; nil when the output goes elsewhere, where nothing may be
  /// cut.
  static var tableWidth: Int? { isatty(1) == 1 ? Terminal.size().columns : nil }

  /// The columns at which texts for people are broken.
  static var textWidth: Int { min(100, tableWidth ?? 80) }

  static func print(_ table: Table) {
    let ellipsis = Terminal.standardOutput().usesUnicode ? "…" : "..."
    print(table.lines(width: tableWidth, ellipsis: ellipsis))
  }

  static func print(_ lines: [String]) { for line in lines { Swift.print(line) } }
}
