#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One axis of a figure.
public struct Axis: Sendable, Equatable {
  public enum Scale: Sendable { case linear, logarithmic }

  /// What is measured, with its unit.
  public var title: String
  public var scale: Scale
  /// What is shown; nil shows all values.
  public var range: ClosedRange<Double>?

  public init(_ title: String, scale: Scale = .linear, range: ClosedRange<Double>? = nil) {
    self.title = title
    self.scale = scale
    self.range = range
  }

  /// Whether the axis can show a value.
  func canShow(_ value: Double) -> Bool { value.isFinite && (scale == .linear || value > 0) }

  /// The axis over the pixels from `start` to `end`.
  ///
  /// - Parameters:
  ///   - values: that it must hold unless it has a range.
  ///   - padding: the share of the width left free at either end when there is no range.
  func layout(_ values: [Double], from start: Double, to end: Double, padding: Double = 0) -> AxisLayout {
    var low: Double
    var high: Double
    if let range, canShow(range.lowerBound), canShow(range.upperBound), range.lowerBound < range.upperBound {
      (low, high) = (range.lowerBound, range.upperBound)
    } else {
      let shown = values.filter { canShow($0) }
      low = shown.min() ?? 1
      high = shown.max() ?? low
      if scale == .logarithmic {
        if low == high { (low, high) = (low / 2, high * 2) }
        let room = pow(high / low, padding)
        (low, high) = (low / room, high * room)
      } else {
        if low == high { (low, high) = low == 0 ? (-1, 1) : (low - abs(low) / 2, high + abs(high) / 2) }
        let room = (high - low) * padding
        // Room below zero would suggest values that cannot be.
        low = low >= 0 && low < room ? min(low, 0) : low - room
        high += room
      }
    }
    return AxisLayout(scale: scale, low: low, high: high, start: start, end: end)
  }
}

/// An axis with its ends in values and in pixels.
struct AxisLayout {
  let scale: Axis.Scale
  let low: Double
  let high: Double
  let start: Double
  let end: Double

  func position(_ value: Double) -> Double {
    let share =
      scale == .linear ? (value - low) / (high - low) : log(value / low) / log(high / low)
    return start + share * (end - start)
  }

  func holds(_ value: Double) -> Bool {
    let slack = 1e-9
    return scale == .linear
      ? value >= low - slack * (high - low) && value <= high + slack * (high - low)
      : value >= low * (1 - slack) && value <= high * (1 + slack)
  }

  struct Tick {
    let value: Double
    /// Nil for a line without a label.
    let label: String?
  }

  /// About `count` labelled ticks at round values.
  func ticks(about count: Int = 6) -> [Tick] {
    scale == .linear ? linearTicks(count) : logarithmicTicks(count)
  }

  private func linearTicks(_ count: Int) -> [Tick] {
    let rough = (high - low) / Double(max(count, 1))
    let decade = pow(10, floor(log10(rough)))
    let step = [1, 2, 5, 10].map { $0 * decade }.first { $0 >= rough * 0.999 } ?? 10 * decade
    let decimals = max(0, Int(-floor(log10(step) + 1e-9)))
    let first = Int((low / step - 1e-9).rounded(.up))
    let last = Int((high / step + 1e-9).rounded(.down))
    guard first <= last else { return [] }
    return (first...last).map { i in
      let value = Double(i) * step
      let isLarge = max(abs(low), abs(high)) >= 1e6 || step < 1e-4
      return Tick(
        value: value, label: isLarge ? numberText(value, significant: 3) : numberText(value, decimals: decimals))
    }
  }

  private func logarithmicTicks(_ count: Int) -> [Tick] {
    let first = Int(floor(log10(low) + 1e-9))
    let last = Int(ceil(log10(high) - 1e-9))
    let decades = log10(high / low)
    // Too little for the multiples of a power of ten: they would all carry one digit.
    if decades < 0.7 {
      return AxisLayout(scale: .linear, low: low, high: high, start: start, end: end).linearTicks(count)
        .filter { $0.value > 0 }
    }
    let labelled: [Double] = decades < 1.5 ? [1, 2, 5] : decades < 2.5 ? [1, 3] : [1]
    let every = max(1, Int((decades / Double(max(count, 1))).rounded(.up)))
    var ticks: [Tick] = []
    for exponent in first...last {
      for digit in 1...9 {
        let value = Double(digit) * pow(10, Double(exponent))
        guard holds(value) else { continue }
        let isLabelled = labelled.contains(Double(digit)) && exponent % every == 0
        if isLabelled {
          ticks.append(Tick(value: value, label: Self.logText(digit, exponent)))
        } else if every == 1 || digit == 1 {
          ticks.append(Tick(value: value, label: nil))
        }
      }
    }
    return ticks
  }

  private static func logText(_ digit: Int, _ exponent: Int) -> String {
    if (-3...4).contains(exponent) {
      return numberText(Double(digit) * pow(10, Double(exponent)), decimals: max(-exponent, 0))
    }
    let raised = String(exponent).map { $0 == "-" ? "⁻" : superscripts[$0.wholeNumberValue ?? 0] }
    return (digit == 1 ? "10" : "\(digit)·10") + raised.joined()
  }

  private static let superscripts = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"]
}
