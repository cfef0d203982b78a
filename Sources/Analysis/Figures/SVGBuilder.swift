/// Writes elements of a drawing one after another.
struct SVGBuilder {
  private(set) var body = ""

  /// An element without content.
  mutating func add(_ name: String, _ attributes: KeyValuePairs<String, String?>) {
    body += "<\(name)\(Self.text(attributes))/>\n"
  }

  /// An element that holds what is added until `close`.
  mutating func open(_ name: String, _ attributes: KeyValuePairs<String, String?>) {
    body += "<\(name)\(Self.text(attributes))>\n"
  }

  mutating func close(_ name: String) { body += "</\(name)>\n" }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ kind: String, width: Double? = nil) {
    add(
      "line",
      [
        "class": kind, "x1": coordinateText(x1), "y1": coordinateText(y1), "x2": coordinateText(x2),
        "y2": coordinateText(y2), "stroke-width": width.map(coordinateText),
      ])
  }

  mutating func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ kind: String) {
    add(
      "rect",
      [
        "class": kind, "x": coordinateText(x), "y": coordinateText(y), "width": coordinateText(max(width, 0)),
        "height": coordinateText(max(height, 0)),
      ])
  }

  mutating func circle(_ x: Double, _ y: Double, _ radius: Double, _ kind: String) {
    add(
      "circle",
      ["class": kind, "cx": coordinateText(x), "cy": coordinateText(y), "r": coordinateText(radius)])
  }

  mutating func path(_ data: String, _ kind: String, dashes: String? = nil) {
    if !data.isEmpty { add("path", ["class": kind, "d": data, "stroke-dasharray": dashes]) }
  }

  enum Anchor: String { case start, middle, end }

  /// - Parameters:
  ///   - y: the base line of the text.
  ///   - isVertical: reads upwards.
  mutating func text(
    _ text: String, _ x: Double, _ y: Double, _ kind: String? = nil, anchor: Anchor = .start, isVertical: Bool = false
  ) {
    let place = "\(coordinateText(x)) \(coordinateText(y))"
    let attributes = Self.text([
      "class": kind, "x": coordinateText(x), "y": coordinateText(y),
      "text-anchor": anchor == .start ? nil : anchor.rawValue, "transform": isVertical ? "rotate(-90 \(place))" : nil,
    ])
    body += "<text\(attributes)>\(escaped(text))</text>\n"
  }

  private static func text(_ attributes: KeyValuePairs<String, String?>) -> String {
    attributes.map { name, value in value.map { " \(name)=\"\(escaped($0))\"" } ?? "" }.joined()
  }
}

/// A coordinate to a hundredth of a pixel.
func coordinateText(_ value: Double) -> String { numberText(value, decimals: 2, keepsZeros: false) }

/// About how wide a text is in a sans-serif face, in pixels: a little more than in most of them, so that what is laid out
/// by it has room.
func textWidth(_ text: String, size: Double = 13) -> Double {
  var width = 0.0
  for scalar in text.unicodeScalars {
    switch scalar {
    case "i", "j", "l", "I", ".", ",", ":", ";", "'", "|", "!", " ": width += 0.34
    case "f", "r", "t", "(", ")", "[", "]", "-", "/", "\\": width += 0.42
    case "m", "w", "M", "W", "%", "@": width += 0.93
    case "A"..."Z": width += 0.71
    case _ where scalar.value >= 0x1100: width += 1.05
    default: width += 0.61
    }
  }
  return width * size
}
