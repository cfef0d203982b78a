import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A small picture of how the incumbent's value changed over the trials.
enum IncumbentCurve {
  private static let blocks = Array("▁▂▃▄▅▆▇█")
  private static let marks = Array("_.-=^")

  /// One character for each step of trials, higher for greater values; empty while there are fewer than two values.
  static func picture(_ state: StudyState, width: Int, usesUnicode: Bool) -> String {
    let values = values(state, width: width)
    guard let low = values.min(), let high = values.max(), low < high else { return "" }
    let marks = usesUnicode ? blocks : Self.marks
    return String(
      values.map { value in
        marks[Int(((value - low) / (high - low) * Double(marks.count - 1)).rounded())]
      })
  }

  /// The incumbent's value at `width` points between its first change and now; fewer while there are fewer trials.
  private static func values(_ state: StudyState, width: Int) -> [Double] {
    let changes = state.incumbentChanges.filter(\.value.isFinite)
    guard let first = changes.first, width > 0 else { return [] }
    let span = state.trials.count - first.trialCount
    let points = min(width, span + 1)
    // Values that differ by orders of magnitude are compared by their logarithm.
    let numbers = changes.map(\.value)
    let isWide = (numbers.min() ?? 0) > 0 && (numbers.max() ?? 0) > 100 * (numbers.min() ?? 1)
    var next = 0
    var value = first.value
    return (0..<points).map { point in
      let trial = first.trialCount + (points == 1 ? span : span * point / (points - 1))
      while next < changes.count, changes[next].trialCount <= trial {
        value = changes[next].value
        next += 1
      }
      return isWide ? log(value) : value
    }
  }
}
