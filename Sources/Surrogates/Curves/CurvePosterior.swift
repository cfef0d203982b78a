import TrimtabNumerics

/// What is believed of one learning curve after some of its scores: curves drawn from the posterior of a ``CurvePrior``.
///
/// Tempered sequential Monte Carlo: particles of the prior are led to the posterior over temperatures at each of which half of
/// them are worth as much as all before, by systematic resampling and moves that leave the tempered posterior as it is, each of
/// a random half of the numbers, with a step that is adapted to an acceptance of a quarter.
/// Sources: Del Moral, Doucet & Jasra, "Sequential Monte Carlo samplers", J. Royal Statistical Society B 68, 2006; Cotter,
/// Roberts, Stuart & White, "MCMC methods for functions", Statistical Science 28, 2013 (the moves).
public struct CurvePosterior: Sendable {
  public struct Options: Sendable, Equatable {
    public var particles = 192
    /// At each temperature.
    public var moves = 8

    public init() {}
  }

  public private(set) var curves: [CurvePrior]
  /// The mean and variance of each latent number.
  public private(set) var means: [Double]
  public private(set) var variances: [Double]

  private struct Particle {
    var latents: [Double]
    var curve: CurvePrior
    var logLikelihood: Double
  }

  /// - Parameters:
  ///   - times: shares of the full resource, positive.
  ///   - scores: in [0, 1], one a time.
  public init(times: [Double], scores: [Double], options: Options = Options(), seed: UInt64) {
    precondition(times.count == scores.count, "\(scores.count) scores at \(times.count) times")
    var stream = RandomStream(seed: seed, purpose: stableHash("curve posterior"), index: 0)
    func particle(_ latents: [Double]) -> Particle {
      let curve = CurvePrior(latents)
      var sum = 0.0
      for (time, score) in zip(times, scores) { sum += curve.logDensity(score, at: time) }
      return Particle(latents: latents, curve: curve, logLikelihood: sum.isFinite ? max(sum, -1e12) : -1e12)
    }
    var particles = (0..<options.particles).map { _ in
      particle((0..<CurvePrior.latents).map { _ in stream.normal() })
    }
    var temperature = 0.0
    var step = 0.5
    while temperature < 1, !times.isEmpty {
      let next = Self.nextTemperature(particles.map(\.logLikelihood), temperature)
      let weights = particles.map { (next - temperature) * $0.logLikelihood }
      particles = Self.resampled(weights, &stream).map { particles[$0] }
      temperature = next
      for _ in 0..<options.moves {
        var accepted = 0
        for i in particles.indices {
          var latents = particles[i].latents
          let keep = (1 - step * step).squareRoot()
          for j in latents.indices where stream.uniform() < 0.5 {
            latents[j] = keep * latents[j] + step * stream.normal()
          }
          let moved = particle(latents)
          let gain = temperature * (moved.logLikelihood - particles[i].logLikelihood)
          if _log(max(stream.uniform(), 0x1p-53)) < gain {
            particles[i] = moved
            accepted += 1
          }
        }
        let rate = Double(accepted) / Double(particles.count)
        step = min(max(step * _exp(rate - 0.25), 0.02), 0.99)
      }
    }
    curves = particles.map(\.curve)
    let share = 1 / Double(particles.count)
    means = (0..<CurvePrior.latents).map { j in particles.reduce(0) { $0 + share * $1.latents[j] } }
    variances = []
    for j in 0..<CurvePrior.latents {
      variances.append(particles.reduce(0) { $0 + share * ($1.latents[j] - means[j]) * ($1.latents[j] - means[j]) })
    }
  }

  /// The greatest temperature up to 1 at which half of the particles count.
  private static func nextTemperature(_ logLikelihoods: [Double], _ temperature: Double) -> Double {
    func effective(_ next: Double) -> Double {
      let weights = logLikelihoods.map { (next - temperature) * $0 }
      let top = weights.max() ?? 0
      var (sum, squares) = (0.0, 0.0)
      for weight in weights {
        let share = _exp(weight - top)
        sum += share
        squares += share * share
      }
      return sum * sum / squares
    }
    let half = Double(logLikelihoods.count) / 2
    if effective(1) >= half { return 1 }
    var (low, high) = (temperature, 1.0)
    for _ in 0..<40 {
      let middle = (low + high) / 2
      if effective(middle) >= half { low = middle } else { high = middle }
    }
    // Something is gained each time, however flat the rest.
    return max(low, min(1, temperature + 1e-9), temperature.nextUp)
  }

  /// Systematic resampling: as many places as weights.
  private static func resampled(_ logWeights: [Double], _ stream: inout RandomStream) -> [Int] {
    let top = logWeights.max() ?? 0
    let weights = logWeights.map { _exp($0 - top) }
    let sum = weights.reduce(0, +)
    let offset = stream.uniform()
    var result: [Int] = []
    var cumulated = 0.0
    var place = 0
    for i in weights.indices {
      let wanted = (Double(i) + offset) / Double(weights.count) * sum
      while place < weights.count - 1, cumulated + weights[place] < wanted {
        cumulated += weights[place]
        place += 1
      }
      result.append(place)
    }
    return result
  }

  /// The probability that the score at a time is greater than another in [0, 1).
  public func probability(above score: Double, at time: Double) -> Double {
    curves.reduce(0) { $0 + $1.probability(above: score, at: time) } / Double(curves.count)
  }

  /// The mean score at a time, without what noise would cut off.
  public func mean(at time: Double) -> Double {
    curves.reduce(0) { $0 + min(1, max(0, $1.mean(at: time))) } / Double(curves.count)
  }
}
