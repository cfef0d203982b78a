/// Comma-separated values as RFC 4180 has them: fields in quotes may hold separators, line breaks and doubled quotes.
public struct CSVFile: Sendable {
  public struct Row: Sendable {
    /// The number of the line on which the row begins, from 1.
    public var line: Int
    public var fields: [String]
  }

  public let path: String
  public let header: [String]
  public let rows: [Row]

  /// - Throws: `InterchangeError` naming the line of a quote that is not closed, of text behind one, of a row with more or
  ///   fewer fields than the header, and of a column's name that stands twice or is empty.
  public init(path: String, separator: Character = ",") throws(InterchangeError) {
    let text = try FileBytes.text(path)
    try self.init(text, path: path, separator: separator)
  }

  init(_ text: String, path: String, separator: Character = ",") throws(InterchangeError) {
    self.path = path
    var records = try Self.records(text, path: path, separator: separator)
    guard !records.isEmpty else { throw InterchangeError(at: path, "the file is empty") }
    let first = records.removeFirst()
    header = first.fields
    var seen: Set<String> = []
    for (i, name) in header.enumerated() {
      let place = "\(path):\(first.line)"
      guard !name.isEmpty else {
        throw InterchangeError(at: place, "column \(i + 1) has no name", hint: "the first line names the columns")
      }
      guard seen.insert(name).inserted else { throw InterchangeError(at: place, "the column '\(name)' stands twice") }
    }
    for row in records where row.fields.count != header.count {
      throw InterchangeError(
        at: "\(path):\(row.line)", "there are \(row.fields.count) fields, and \(header.count) columns",
        hint: header.count == 1 ? "is the separator another than '\(separator)'? Say so with --separator" : nil)
    }
    rows = records
  }

  private static func records(_ text: String, path: String, separator: Character) throws(InterchangeError) -> [Row] {
    var rows: [Row] = []
    var fields: [String] = []
    var field = ""
    var line = 1
    var firstLine = 1
    var quoteLine = 0
    /// Within quotes; behind closed ones; or neither.
    var isOpen = false
    var isClosed = false
    func endRow() {
      fields.append(field)
      field = ""
      // A line with nothing on it is no row.
      if fields.count > 1 || !fields[0].isEmpty || isClosed { rows.append(Row(line: firstLine, fields: fields)) }
      fields = []
      isClosed = false
    }
    // A carriage return and a line feed are one character here.
    for character in text {
      let isBreak = character == "\n" || character == "\r\n" || character == "\r"
      if isOpen {
        if character == "\"" {
          isOpen = false
          isClosed = true
        } else {
          field.append(character == "\r\n" ? "\n" : character)
        }
      } else if character == "\"", isClosed {
        // Two quotes within quotes are one.
        field.append(character)
        isOpen = true
        isClosed = false
      } else if isBreak {
        endRow()
        firstLine = line + 1
      } else if character == separator {
        fields.append(field)
        field = ""
        isClosed = false
      } else if isClosed {
        throw InterchangeError(
          at: "\(path):\(line)", "'\(character)' stands behind a closing quote", hint: "double a quote within quotes")
      } else if character == "\"" {
        guard field.isEmpty else {
          throw InterchangeError(
            at: "\(path):\(line)", "a quote stands within a field that has none around it",
            hint: "put the whole field in quotes, and double the quote")
        }
        isOpen = true
        quoteLine = line
      } else {
        field.append(character)
      }
      if isBreak { line += 1 }
    }
    guard !isOpen else {
      throw InterchangeError(
        .damaged, at: "\(path):\(quoteLine)", "the quote is not closed", hint: "is the file whole?")
    }
    if !field.isEmpty || !fields.isEmpty || isClosed { endRow() }
    return rows
  }
}
