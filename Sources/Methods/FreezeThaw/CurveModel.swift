import TrimtabNumerics
import TrimtabStudies
import TrimtabSurrogates

/// The model of learning curves that freeze-thaw asks.
enum CurveSurrogate: String, Sendable, CaseIterable {
  /// Swersky et al. 2014.
  case process = "freeze-thaw"
  /// Kadra et al. 2023.
  case powerLaws = "dpl"
  /// Rakotoarison et al. 2024.
  case prior = "ifbo"
  /// Mehta et al. 2024.
  case checkpoints = "fms"

  /// What it is, for people.
  var title: String {
    switch self {
    case .process: "Gaussian process of learning curves, freeze-thaw"
    case .powerLaws: "ensemble of power laws, expected improvement at the full resource (DPL)"
    case .prior: "learning curves after a prior of curves, freeze-thaw (ifBO)"
    case .checkpoints: "Gaussian process of steps and of the weights of checkpoints (FMS)"
    }
  }

  /// Curves in the model, and points of each.
  var curveLimit: Int { self == .prior ? 100 : 200 }
  var pointLimit: Int { self == .prior ? 8 : 16 }

  /// Whether what counts is the improvement that is expected, and not how probable a drawn one is.
  var expectsImprovement: Bool { self == .powerLaws || self == .checkpoints }
}

/// What a model says of the curves that it knows and of those of new configurations. Losses are as a ``LossUnits`` makes them.
protocol CurveModel: Sendable {
  /// How much a known curve promises at a time, the greater the better, where it should come below a loss.
  func promise(of curve: Int, at time: Double, below loss: Double) -> Double

  /// The same of new configurations.
  func promises(of points: FeaturePoints, at time: Double, below loss: Double) -> [Double]

  /// The probability that a known curve is below a loss at a time.
  func probability(of curve: Int, at time: Double, below loss: Double) -> Double

  /// What is expected of a known curve in the end.
  func expectation(of curve: Int) -> Double
}

/// How losses of any size are brought into a range that suits a model.
struct LossUnits: Sendable, Equatable {
  enum Shape: Sendable, Equatable {
    /// In deviations from the centre; ten of them are the most.
    case linear
    /// From 0 to 1 between two losses, and as at the ends beyond them.
    case bounded(best: Double, worst: Double)
    /// From 0 to 1 by the logistic function of half the deviations from the least loss.
    case logistic
  }

  var shape: Shape
  var centre: Double
  var deviation: Double

  /// - Parameter last: the last loss of each curve, not empty.
  init(_ shape: Shape, last: [Double]) {
    self.shape = shape
    // Losses of any size are brought to a range in which squares are finite.
    let last = last.sorted()
    let middle = last[last.count / 2]
    let spread = last.map { abs($0 / 2 - middle / 2) }.sorted()
    let typical = 2 * max(spread[spread.count * 2 / 3], spread[spread.count - 1] * 1e-3)
    let width = typical > 0 && typical.isFinite ? typical : 1
    // Curves go down from where they are when the scale is found, and must not come to its end soon.
    centre = shape == .logistic ? last[0] : middle
    deviation = shape == .logistic ? min(2 * width, .greatestFiniteMagnitude) : width
  }

  func value(_ loss: Double) -> Double {
    let deviations = 2 * (loss / 2 - centre / 2) / deviation
    switch shape {
    // How bad a diverged trial is teaches nothing.
    case .linear: return min(10, deviations)
    case .bounded(let best, let worst): return min(1, max(0, (loss / 2 - best / 2) / (worst / 2 - best / 2)))
    case .logistic: return 1 / (1 + exponential(min(500, max(-500, -deviations))))
    }
  }
}

/// The exact process of freeze-thaw.
struct ProcessCurveModel: CurveModel {
  let process: FreezeThawProcess

  /// How many standard deviations the loss lies above the mean: the greater, the more probable is one below it.
  private static func score(_ mean: Double, _ variance: Double, _ loss: Double) -> Double {
    (loss - mean) / max(variance, 1e-12).squareRoot()
  }

  func promise(of curve: Int, at time: Double, below loss: Double) -> Double {
    let (mean, variance) = process.prediction(of: curve, at: time)
    return Self.score(mean, variance, loss)
  }

  func promises(of points: FeaturePoints, at time: Double, below loss: Double) -> [Double] {
    let (means, variances) = process.predictions(of: points, at: time)
    return means.indices.map { Self.score(means[$0], variances[$0], loss) }
  }

  func probability(of curve: Int, at time: Double, below loss: Double) -> Double {
    NormalDistribution.cdf(promise(of: curve, at: time, below: loss))
  }

  func expectation(of curve: Int) -> Double { process.asymptote(of: curve).mean }
}

/// Power laws by networks: what they promise is the expected improvement at the full resource.
struct PowerLawCurveModel: CurveModel {
  private let ensemble: PowerLawEnsemble
  private let horizon: Double
  private let means: [Double]
  private let variances: [Double]

  /// - Parameter points: one a known curve.
  init(_ ensemble: PowerLawEnsemble, _ points: FeaturePoints, horizon: Double) {
    self.ensemble = ensemble
    self.horizon = horizon
    (means, variances) = ensemble.predictions(of: points, at: 1)
  }

  private static func promise(_ mean: Double, _ variance: Double, _ loss: Double) -> Double {
    let deviation = max(variance, 1e-12).squareRoot()
    return logarithm(deviation) + Improvement.logExpected((loss - mean) / deviation)
  }

  // Whenever a curve would be asked, it is what it comes to that counts.
  func promise(of curve: Int, at time: Double, below loss: Double) -> Double {
    Self.promise(means[curve], variances[curve], loss)
  }

  func promises(of points: FeaturePoints, at time: Double, below loss: Double) -> [Double] {
    let (means, variances) = ensemble.predictions(of: points, at: 1)
    return means.indices.map { Self.promise(means[$0], variances[$0], loss) }
  }

  func probability(of curve: Int, at time: Double, below loss: Double) -> Double {
    NormalDistribution.cdf((loss - means[curve]) / max(variances[curve], 1e-12).squareRoot())
  }

  func expectation(of curve: Int) -> Double { means[curve] }
}

/// Curves under ifBO's prior. Losses are 1 less the score.
struct PriorCurveModel: CurveModel {
  let model: CurvePriorModel
  let horizon: Double

  func promise(of curve: Int, at time: Double, below loss: Double) -> Double {
    model.probability(of: curve, above: 1 - loss, at: time / horizon)
  }

  func promises(of points: FeaturePoints, at time: Double, below loss: Double) -> [Double] {
    model.probabilities(of: points, above: 1 - loss, at: time / horizon)
  }

  func probability(of curve: Int, at time: Double, below loss: Double) -> Double {
    promise(of: curve, at: time, below: loss)
  }

  func expectation(of curve: Int) -> Double { 1 - model.mean(of: curve, at: 1) }
}
