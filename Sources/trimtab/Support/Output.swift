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
    print(lines(table))
  }

  /// A table as it is printed, for texts of which it is a part.
  static func lines(_ table: Table) -> [String] {
    table.lines(width: tableWidth, ellipsis: Terminal.standardOutput().usesUnicode ? "…" : "...")
  }

  static func print(_ lines: [String]) { for line in lines { Swift.print(line) } }
}
