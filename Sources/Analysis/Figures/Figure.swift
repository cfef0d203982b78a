/// A drawing as SVG, without scripts, fonts or anything else from outside, that suits a light and a dark page.
public struct Figure: Sendable, Equatable {
  /// What is shown, for those who cannot see it; also its name on screen readers.
  public let title: String
  /// In pixels at its natural size.
  public let width: Double
  public let height: Double
  /// What the drawing leaves out, such as values that a logarithmic axis cannot show. A page prints them below it.
  public let notes: [String]
  let body: String

  /// The figure as a file of its own.
  public var svg: String { markup(isAlone: true) }

  /// - Parameter isAlone: with name space, style and background; otherwise the page around it brings the style.
  func markup(isAlone: Bool) -> String {
    let size = "\(numberText(width)) \(numberText(height))"
    var text = "<svg class=\"tt\" role=\"img\" viewBox=\"0 0 \(size)\""
    if isAlone {
      text += " xmlns=\"http://www.w3.org/2000/svg\""
      text += " width=\"\(numberText(width))\" height=\"\(numberText(height))\""
    }
    text += " aria-label=\"\(escaped(title))\">\n<title>\(escaped(title))</title>\n"
    if !notes.isEmpty { text += "<desc>\(escaped(notes.joined(separator: " ")))</desc>\n" }
    if isAlone {
      text += "<style>\n\(FigureStyle.css)</style>\n"
      text += "<rect class=\"tt-paper\" width=\"100%\" height=\"100%\"/>\n"
    }
    return text + body + "</svg>\n"
  }
}

/// Text as the content of an element or of a quoted attribute, in XML and in HTML. Control characters that XML forbids
/// become U+FFFD.
func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
    case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "\u{FFFD}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
