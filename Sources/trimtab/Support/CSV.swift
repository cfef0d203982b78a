import Trimtab

/// Comma-separated values as RFC 4180 has them, except that lines end with a line feed alone, as every reader accepts.
enum CSV {
  static func line(_ fields: [String]) -> String { fields.map(field).joined(separator: ",") }

  /// The field, in quotes where it needs them.
  static func field(_ text: String) -> String {
    let needsQuotes =
      text.unicodeScalars.contains { $0 == "\"" || $0 == "," || $0 == "\n" || $0 == "\r" }
      || text.first == " " || text.last == " "
    guard needsQuotes else { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { quoted += "\"" }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
  }

  /// Empty for nothing; `nan`, `inf` and `-inf` are what Python's readers take for numbers.
  static func field(_ number: Double?) -> String { number.map(Shown.exact) ?? "" }
}
