import TrimtabNumerics

/// Several sets of kernel parameters that stand for what observations say of them, instead of the best set alone.
///
/// Source: Lalchand & Rasmussen, "Approximate inference for fully Bayesian Gaussian process regression", AABI 2020, arXiv
/// 1912.13440. Draws begin at the mode.
public struct KernelInference: Sendable, Equatable {
  public enum Kind: String, Sendable {
    /// The no-U-turn sampler.
    case nuts
    /// A normal distribution of the logarithms: of full rank up to ``fullRankLimit`` variables, of independent ones beyond.
    case variational
  }

  /// What stands for the parameters.
  public struct Result: Sendable, Equatable {
    public var parameters: [KernelParameters]
    /// How they came about, for people.
    public var note: String

    public init(parameters: [KernelParameters], note: String) {
      self.parameters = parameters
      self.note = note
    }
  }

  /// Above so many variables a normal distribution of full rank has more parameters than its points can tell.
  public static let fullRankLimit = 24
  /// Above so many observations the mode is taken: draws cost too much, and differ little.
  public static let nutsLimit = 200
  public static let variationalLimit = 500
  /// The most observations that draws look at.
  public static let pointLimit = 128

  public var kind: Kind
  /// Draws of the warm-up; half as many follow, of which ``kept`` are kept, evenly spread.
  public var warmup: Int
  public var kept: Int

  public init(_ kind: Kind, warmup: Int = 256, kept: Int = 16) {
    self.kind = kind
    self.warmup = warmup
    self.kept = kept
  }

  public var limit: Int { kind == .nuts ? Self.nutsLimit : Self.variationalLimit }

  /// - Parameter count: observations of the model.
  /// - Returns: nil when the posterior cannot be drawn from.
  public func run(_ posterior: some KernelPosterior, observations count: Int, seed: UInt64) -> Result? {
    let start = Self.mode(of: posterior)
    if count > limit {
      return Result(
        parameters: [posterior.parameters(start)],
        note: "the mode: \(count) trials are more than the \(limit) for \(kind.rawValue)")
    }
    switch kind {
    case .nuts:
      var options = NoUTurnSampler.Options()
      options.warmup = warmup
      options.thinning = max(1, warmup / (2 * kept))
      options.draws = kept * options.thinning
      let stream = RandomStream(seed: seed, purpose: stableHash("nuts"), index: 0)
      guard let found = NoUTurnSampler.draw(posterior.logDensity, from: start, options: options, stream: stream),
        found.divergentShare <= 0.05
      else { return nil }
      return Result(
        parameters: found.draws.map(posterior.parameters),
        note: "\(found.draws.count) draws by the no-U-turn sampler")
    case .variational:
      var options = VariationalGaussian.Options()
      options.isFullRank = start.count <= Self.fullRankLimit
      options.points = options.isFullRank ? 48 : 32
      options.evaluations = 40
      guard let found = VariationalGaussian(posterior.logDensity, from: start, options: options, seed: seed) else {
        return nil
      }
      return Result(
        parameters: found.draws(kept, seed: mix(seed, 1)).map(posterior.parameters),
        note: "\(kept) draws of a normal distribution "
          + (options.isFullRank ? "of full rank" : "of independent variables"))
    }
  }

  /// The variables of greatest density near the start.
  static func mode(of posterior: some KernelPosterior) -> [Double] {
    let start = posterior.start
    var options = BoxLBFGS.Options()
    options.evaluations = 40
    options.tolerance = 1e-2
    options.leastDecrease = 1e-4
    let run = BoxLBFGS.minimise(
      from: start, lower: start.map { _ in -30 }, upper: start.map { _ in 30 }, options: options
    ) { variables in
      let (value, gradient) = posterior.logDensity(variables)
      return (-value, gradient.map { -$0 })
    }
    return run.value.isFinite ? run.best : start
  }
}
