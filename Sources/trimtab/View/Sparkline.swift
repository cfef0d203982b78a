/// Numbers as a row of small bars.
enum Sparkline {
  private static let blocks = Array("▁▂▃▄▅▆▇█")
  private static let marks = Array("_.-=^")

  /// One character a number, higher for greater ones; more numbers than `width` are thinned out evenly, the first and
  /// the last stay. Numbers that are not finite show as `?`.
  static func picture(_ numbers: [Double], width: Int, usesUnicode: Bool) -> String {
    guard !numbers.isEmpty, width > 0 else { return "" }
    let count = min(width, numbers.count)
    let shown = (0..<count).map { numbers[count == 1 ? numbers.count - 1 : $0 * (numbers.count - 1) / (count - 1)] }
    let finite = shown.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return String(repeating: "?", count: count) }
    let marks = usesUnicode ? blocks : Self.marks
    return String(
      shown.map { number in
        guard number.isFinite else { return "?" }
        // Halves first, so that the span of the greatest numbers does not overflow.
        let span = high / 2 - low / 2
        let share = span > 0 ? (number / 2 - low / 2) / span : 0.5
        return marks[Int((share * Double(marks.count - 1)).rounded())]
      })
  }
}
