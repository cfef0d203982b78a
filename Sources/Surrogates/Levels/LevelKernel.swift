import TrimtabNumerics

/// What is assumed of a function over a resource, of which some levels are looked at.
///
/// The exponential decay is that of learning curves, a mixture of exponentials of all rates, with u the resource brought to
/// [0, 1]:
///
///     κ(u) = (β / (u + β))^α,  β = α / λ
///     m(x, u) = μ + κ(u) p,  p = γ − δ μ
///     k((x, u), (x', u')) = k(x, x') (1 − δ (κ(u) + κ(u') − δ κ(u + u'))) + p² (κ(u + u') − κ(u) κ(u'))
///
/// With δ = 0 every configuration has its own asymptote, and all have the way down to it in common; with δ = 1 all begin at
/// the same value.
/// Sources: Swersky, Snoek & Adams, "Freeze-thaw Bayesian optimization", 2014, arXiv 1406.3896 (the decay); Klein, Tiao,
/// Lienart, Archambeau & Seeger, "Model-based asynchronous hyperparameter and neural architecture search", 2020, arXiv
/// 2003.10865, with the constants of Syne Tune; Li et al., "Hyper-Tune", VLDB 2022, arXiv 2201.06834 (`independent`).
public struct LevelKernel: Sendable, Equatable {
  public enum Form: String, Sendable, CaseIterable {
    /// δ = 0.
    case decay = "exp-decay"
    /// δ = 1.
    case decayFromOneStart = "exp-decay-delta1"
    /// δ is learned.
    case decayFree = "exp-decay-combined"
    /// A Matérn function of the difference of two resources.
    case matern
    /// Functions at different levels say nothing of each other, but have their length scales in common.
    case independent
  }

  public let form: Form
  /// The levels, ascending in [0, 1].
  public let resources: [Double]

  public init(_ form: Form, resources: [Double]) {
    self.form = form
    self.resources = resources
  }

  /// The levels of a resource, the least and the greatest brought to 0 and 1.
  public init(_ form: Form, levels: [Double]) {
    let low = levels.first ?? 0
    let width = (levels.last ?? 1) - low
    self.init(form, resources: levels.map { width > 0 ? ($0 - low) / width : 1 })
  }

  /// A number that is learned: where it begins, what is believed of it, and between what it lies.
  struct Variable: Sendable {
    var mean: Double
    var deviation: Double
    var range: ClosedRange<Double>
  }

  private static func logarithmic(_ value: Double, _ range: ClosedRange<Double>) -> Variable {
    Variable(mean: _log(value), deviation: 1, range: _log(range.lowerBound)..._log(range.upperBound))
  }

  /// ln α, ln λ, ln γ, μ and δ of a decay, as far as they are learned; ln of the length scale over the resource and μ; for
  /// each level ln of the variance and the mean.
  var variables: [Variable] {
    let mean = Variable(mean: 0, deviation: 1, range: -10...10)
    let decay = [
      Self.logarithmic(1, 1e-6...250), Self.logarithmic(0.5, 1e-4...50), Self.logarithmic(0.5, 1e-4...10), mean,
    ]
    return switch form {
    case .decay, .decayFromOneStart: decay
    case .decayFree: decay + [Variable(mean: 0.5, deviation: 0.5, range: 0...1)]
    case .matern: [Self.logarithmic(1, 0.05...100), mean]
    case .independent:
      resources.flatMap { _ in [Variable(mean: 0, deviation: 1, range: -7...7), mean] }
    }
  }

  /// The coupling with these variables. Its means are those of losses.
  public func coupling(_ variables: [Double]) -> LevelCoupling {
    let count = resources.count
    var coupling = LevelCoupling(
      factors: Matrix(rows: count, columns: count), summands: Matrix(rows: count, columns: count),
      means: [Double](repeating: 0, count: count))
    switch form {
    case .independent:
      for i in 0..<count {
        coupling.factors[i, i] = _exp(variables[2 * i])
        coupling.means[i] = variables[2 * i + 1]
      }
    case .matern:
      let scale = _exp(variables[0])
      for i in 0..<count {
        for j in 0..<count {
          let distance = (resources[i] - resources[j]) / scale
          coupling.factors[i, j] = MaternKernel.value(distance * distance, 1)
        }
        coupling.means[i] = variables[1]
      }
    case .decay, .decayFromOneStart, .decayFree:
      let delta = form == .decay ? 0 : form == .decayFromOneStart ? 1 : variables[4]
      let (alpha, mean) = (_exp(variables[0]), variables[3])
      let beta = alpha / _exp(variables[1])
      let height = _exp(variables[2]) - delta * mean
      func decay(_ u: Double) -> Double { _exp(-alpha * _log1p(u / beta)) }
      for i in 0..<count {
        let own = decay(resources[i])
        for j in 0..<count {
          let other = decay(resources[j])
          let both = decay(resources[i] + resources[j])
          coupling.factors[i, j] = 1 - delta * (own + other - delta * both)
          coupling.summands[i, j] = height * height * (both - own * other)
        }
        coupling.means[i] = mean + own * height
      }
    }
    return coupling
  }
}
