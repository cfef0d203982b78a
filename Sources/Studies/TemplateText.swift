import TrimtabSearchSpaces

/// What is wrong with a text that has names in braces, and where in it.
struct TemplateFailure: Error, Equatable {
  var message: String
  /// Characters from the start of the text.
  var offset: Int
  var length: Int
  var hint: String?
}

/// A text with names in braces, taken apart; `{{` and `}}` stand for braces.
struct TemplateText {
  enum Piece: Equatable {
    case literal(String)
    /// - offset: characters from the start of the text to the opening brace.
    case name(String, offset: Int)
  }

  let pieces: [Piece]

  init(_ text: String) throws(TemplateFailure) {
    let characters = Array(text)
    var pieces: [Piece] = []
    var literal = ""
    var i = 0
    while i < characters.count {
      let c = characters[i]
      let isDoubled = i + 1 < characters.count && characters[i + 1] == c
      if (c == "{" || c == "}") && isDoubled {
        literal.append(c)
        i += 2
      } else if c == "}" {
        throw TemplateFailure(
          message: "'}' without a '{' before it", offset: i, length: 1, hint: "write }} for the character }")
      } else if c == "{" {
        guard let end = characters[i...].firstIndex(of: "}") else {
          throw TemplateFailure(
            message: "'{' without a '}' after it", offset: i, length: 1, hint: "write {{ for the character {")
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        literal = ""
        pieces.append(.name(String(characters[(i + 1)..<end]), offset: i))
        i = end + 1
      } else {
        literal.append(c)
        i += 1
      }
    }
    if !literal.isEmpty || pieces.isEmpty { pieces.append(.literal(literal)) }
    self.pieces = pieces
  }

  /// The same text with its braces doubled, so that it contains no names.
  static func escaped(_ text: String) -> String {
    text.map { $0 == "{" || $0 == "}" ? "\($0)\($0)" : String($0) }.joined()
  }
}
