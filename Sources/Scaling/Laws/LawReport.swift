/// What a law can say.
public enum Quantity: String, Sendable, CaseIterable {
  case learningRate = "learning rate"
  case batch = "batch"
  case weightDecay = "weight decay"
  case timescale = "AdamW timescale"
  case timescaleSteps = "AdamW memory"
  case warmup = "warm-up"
  case criticalBatch = "critical batch"
  case secondMomentDecay = "Adam beta2"
  case loss = "loss"
  case parameters = "parameters"
  case tokens = "tokens"
  case compute = "compute"
  case steps = "steps"
  case time = "time"
  case tokensForSpeed = "tokens at the critical batch"
}

/// A number with its unit, and its 95 % interval where the law defines one.
public struct Estimate: Sendable, Equatable {
  public var quantity: Quantity
  public var value: Double
  /// Such as `tokens` or `sequences of 2048 tokens`; empty for a bare number.
  public var unit: String
  public var interval: ClosedRange<Double>?
  /// What it holds for, such as the schedule or the part of the network.
  public var note: String?

  public init(
    _ quantity: Quantity, _ value: Double, _ unit: String = "", interval: ClosedRange<Double>? = nil,
    note: String? = nil
  ) {
    self.quantity = quantity
    self.value = value
    self.unit = unit
    self.interval = interval
    self.note = note
  }
}

/// One input beside the values among which the law was fitted.
public struct RangeCheck: Sendable, Equatable {
  public var name: String
  public var unit: String
  public var value: Double
  public var lower: Double
  public var upper: Double

  public init(_ name: String, _ unit: String, _ value: Double, _ lower: Double, _ upper: Double) {
    self.name = name
    self.unit = unit
    self.value = value
    self.lower = lower
    self.upper = upper
  }

  // The ends are rounded in print, so a value a thousandth beyond one is still at it.
  public var isInside: Bool { value >= lower * 0.999 && value <= upper * 1.001 }

  /// How many times the value lies beyond the nearer end; 1 inside.
  public var excess: Double { isInside ? 1 : value < lower ? lower / value : value / upper }

  var warning: String {
    "\(name) = \(shown(value)) \(unit) is outside of \(shown(lower))…\(shown(upper)), where the law was fitted"
      + " (\(shown(excess)) times beyond)"
  }
}

/// What one law says for one situation, with everything that a reader needs to judge it.
public struct LawReport: Sendable, Equatable {
  /// A short name, such as `step-law`.
  public var law: String
  public var title: String
  /// Authors, year, and where.
  public var source: String
  /// What N, D and B mean in the law.
  public var units: String
  public var optimizer: String
  public var schedule: String
  public var estimates: [Estimate] = []
  public var ranges: [RangeCheck] = []
  public var assumptions: [String] = []
  /// Beside those of the ranges.
  public var notes: [String] = []
  /// Constants that could not be checked against a primary source, and were used here.
  public var unconfirmed: [String] = []

  /// nil where the range of the law is not known.
  public var isInsideRange: Bool? { ranges.isEmpty ? nil : ranges.allSatisfy(\.isInside) }

  /// Every reason to doubt the numbers here.
  public var warnings: [String] {
    ranges.filter { !$0.isInside }.map(\.warning) + notes
      + unconfirmed.map { "not confirmed by a primary source: \($0)" }
  }
}

/// A law that has nothing to say, and what it lacks.
public struct SkippedLaw: Sendable, Equatable {
  public var law: String
  public var reason: String
}
