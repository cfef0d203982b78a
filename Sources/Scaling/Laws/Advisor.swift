/// What every law has to say about a planned run, side by side.
public struct Advice: Sendable {
  /// With what was derived.
  public var situation: Situation
  /// How sizes were derived.
  public var derivations: [String]
  public var reports: [LawReport]
  public var skipped: [SkippedLaw]
  /// Where the laws are known to contradict each other.
  public var disagreements: [String]
}

/// Asks every law.
public struct Advisor: Sendable {
  /// Bootstrap vectors of Step Law, for its intervals.
  public var stepLawVectors: [StepLaw.Coefficients] = []

  public init() {}

  /// - Throws: `ScalingError` naming an impossible input, or saying that nothing can be said.
  public func advise(_ asked: Situation) throws(ScalingError) -> Advice {
    let (situation, derivations) = try asked.resolved()
    var reports: [LawReport] = []
    var skipped: [SkippedLaw] = []
    for (name, law) in Self.laws {
      switch law(self, situation) {
      case .success(let report): reports.append(report)
      case .failure(let reason): skipped.append(SkippedLaw(law: name, reason: reason.message))
      }
    }
    guard !reports.isEmpty else {
      throw ScalingError("no law has anything to say: give the parameters and tokens, or the FLOP")
    }
    return Advice(
      situation: situation, derivations: derivations, reports: reports, skipped: skipped,
      disagreements: Self.disagreements(reports))
  }

  typealias Law = @Sendable (Advisor, Situation) -> Result<LawReport, ScalingError>

  static let laws: [(String, Law)] = [
    ("step-law", stepLaw), ("power-lines", powerLines), ("horizon", horizon), ("critical-batch", criticalBatch),
    ("small-batch", smallBatch), ("trajectory-invariance", trajectoryInvariance), ("power-scheduler", powerScheduler),
    ("deepseek", deepSeek), ("porian", porian), ("kaplan", kaplan), ("minicpm", miniCPM), ("chinchilla", chinchilla),
    ("hoffmann", hoffmann), ("annealing", annealing),
    ("stepwise", stepwise), ("routed", routed), ("parallel", parallel),
  ]

  static func disagreements(_ reports: [LawReport]) -> [String] {
    var found: [String] = []
    func values(_ quantity: Quantity) -> [(String, Double)] {
      reports.flatMap { report in
        report.estimates.filter { $0.quantity == quantity && $0.unit != "sequences of 512 tokens" }.map {
          (report.law, $0.value)
        }
      }
    }
    for quantity in [Quantity.learningRate, .batch] {
      let all = values(quantity)
      if let low = all.min(by: { $0.1 < $1.1 }), let high = all.max(by: { $0.1 < $1.1 }), high.1 > 2 * low.1 {
        found.append(
          "\(quantity.rawValue): \(low.0) says \(shown(low.1)), \(high.0) says \(shown(high.1)); they differ in what they "
            + "hold fixed (batch, schedule, final rate)")
      }
    }
    let names = Set(reports.map(\.law))
    if names.contains("step-law"), names.contains("horizon") {
      found.append(
        "tokens: Step Law raises the rate with D because the batch grows with D; at a fixed batch its own grid shows no "
          + "effect of D, and the horizon law lowers the rate")
    }
    return found
  }
}

func missing(_ what: String) -> Result<LawReport, ScalingError> { .failure(ScalingError("needs \(what)")) }

extension Situation {
  var isAdamW: Bool { optimizer == .adamw || optimizer == .adam }

  var optimizerNote: [String] {
    isAdamW ? [] : ["fitted with AdamW; \(optimizer.rawValue) needs another rate, so read this as a shape only"]
  }

  func scheduleNote(_ fitted: Schedule) -> [String] {
    schedule == fitted ? [] : ["fitted with a \(fitted.rawValue) schedule; yours is \(schedule.rawValue)"]
  }
}
