/// A line of text in several looks, measured in the columns that a terminal gives it.
struct StyledText: Equatable {
  enum Style: Equatable {
    case plain, bold, dim, good, bad, accent

    /// The SGR parameters that begin the look; nil for none.
    var code: String? {
      switch self {
      case .plain: nil
      case .bold: "1"
      case .dim: "2"
      case .good: "32"
      case .bad: "31"
      case .accent: "36"
      }
    }
  }

  private(set) var spans: [(text: String, style: Style)] = []

  init() {}

  init(_ text: String, _ style: Style = .plain) { append(text, style) }

  /// Adds text; control characters, which could move the cursor, become `?`.
  mutating func append(_ text: String, _ style: Style = .plain) {
    guard !text.isEmpty else { return }
    spans.append((printable(text), style))
  }

  func appending(_ text: String, _ style: Style = .plain) -> StyledText {
    var copy = self
    copy.append(text, style)
    return copy
  }

  var width: Int { spans.reduce(0) { $0 + columns(of: $1.text) } }

  var text: String { spans.map(\.text).joined() }

  /// The text cut to a number of columns, with an ellipsis where something is missing.
  func fitted(to limit: Int, ellipsis: String) -> StyledText {
    guard width > limit else { return self }
    var result = StyledText()
    var rest = max(0, limit - columns(of: ellipsis))
    for (text, style) in spans {
      var kept = ""
      for character in text {
        let size = columns(of: character)
        guard size <= rest else {
          result.append(kept, style)
          if limit >= columns(of: ellipsis) { result.append(ellipsis, style) }
          return result
        }
        kept.append(character)
        rest -= size
      }
      result.append(kept, style)
    }
    return result
  }

  func rendered(inColour: Bool) -> String {
    guard inColour else { return text }
    return spans.map { span in span.style.code.map { "\u{1B}[\($0)m\(span.text)\u{1B}[0m" } ?? span.text }.joined()
  }

  static func == (a: StyledText, b: StyledText) -> Bool {
    a.spans.elementsEqual(b.spans) { $0.text == $1.text && $0.style == $1.style }
  }
}

/// The text without characters that control a terminal.
func printable(_ text: String) -> String {
  func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) }
  guard text.unicodeScalars.contains(where: isControl) else { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    result.unicodeScalars.append(isControl(scalar) ? (scalar == "\n" || scalar == "\t" ? " " : "?") : scalar)
  }
  return result
}

/// The columns that a terminal gives a text.
func columns(of text: String) -> Int {
  if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
  return text.reduce(0) { $0 + columns(of: $1) }
}

/// 2 for the wide characters of East Asian scripts and for pictures (Unicode Standard Annex 11), 1 for others.
func columns(of character: Character) -> Int {
  guard let scalar = character.unicodeScalars.first else { return 0 }
  switch scalar.value {
  case 0..<0x300: return 1
  case 0x300...0x36F, 0x200B...0x200F, 0xFE00...0xFE0F: return 0
  case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
    0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
    0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
    return 2
  default: return scalar.properties.isEmojiPresentation ? 2 : 1
  }
}
