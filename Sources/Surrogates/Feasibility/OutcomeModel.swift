import TrimtabNumerics

/// How likely a configuration is to meet one condition on what its trial reports, learned from by how much trials exceeded the
/// bound.
///
/// A Gaussian process of the excess, whose scale is drawn together by sign(c) ln(1 + |c|), so that the side of the bound and
/// what lies close to it count, and not how bad the worst is. The condition is met where the excess is at most 0.
/// Sources: Gardner, Kusner, Xu, Weinberger & Cunningham, "Bayesian optimization with inequality constraints", ICML 2014 (the
/// probability); Eriksson & Poloczek, "Scalable constrained Bayesian optimization", AISTATS 2021, arXiv 2002.08526 (the scale).
public struct OutcomeModel: SuccessModel {
  /// The most rows that a model is conditioned on; of more, the newest.
  public static let limit = 512

  /// How excesses become the scores of the process, and the kernel's parameters that were found with that.
  public struct Fit: Sendable {
    let unit: Double
    let deviation: Double
    let parameters: KernelParameters

    /// - Parameter excesses: finite, one a point.
    /// - Returns: nil when there is no point, or no process can be made of them.
    public init?(_ points: FeaturePoints, _ excesses: [Double]) {
      let greatest = excesses.reduce(0) { max($0, abs($1)) }
      // Without overflow, whatever the magnitudes.
      let mean = greatest > 0 ? excesses.reduce(0) { $0 + abs($1) / greatest } / Double(excesses.count) : 0
      let unit = greatest * mean
      self.unit = unit > 0 && unit.isFinite ? unit : 1
      let raw = excesses.map { [unit = self.unit] in Self.compressed($0 / unit) }
      let middle = raw.reduce(0, +) / Double(max(1, raw.count))
      let variance = raw.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(max(1, raw.count))
      let deviation = variance > 1e-20 ? variance.squareRoot() : 1
      self.deviation = deviation
      guard let process = GaussianProcess.fitted(points, raw.map { $0 / deviation }) else { return nil }
      parameters = process.parameters
    }

    /// A score has the sign of the excess.
    func score(_ excess: Double) -> Double { Self.compressed(excess / unit) / deviation }

    static func compressed(_ value: Double) -> Double { value < 0 ? -_log(1 - value) : _log(1 + value) }
  }

  /// The side of the bound on which the excess lies below 0.
  private let below: ProcessAboveZero
  private let deviation: Double

  /// - Parameters:
  ///   - excesses: finite, one a point, in the unit of those of the fit.
  ///   - fit: made of these points, or of the first of them.
  /// - Returns: nil when no process can be made.
  public init?(_ points: FeaturePoints, _ excesses: [Double], _ fit: Fit) {
    guard var process = GaussianProcess(points, fit.parameters) else { return nil }
    process.setTargets(excesses.map(fit.score))
    guard process.weights.allSatisfy(\.isFinite) else { return nil }
    deviation = fit.deviation
    // At points that were measured without noise nothing is left to chance.
    below = ProcessAboveZero(process: process, sign: -1, offset: 0, noise: 1e-10)
  }

  /// The excesses at several points by one function drawn from the process: on the scale that is drawn together, in the fit's unit.
  public func draw(at points: FeaturePoints, _ stream: inout RandomStream) -> [Double] {
    below.process.draw(at: points, &stream).map { $0 * deviation }
  }

  public func logProbabilities(_ points: FeaturePoints) -> [Double] { below.logProbabilities(points) }

  public func logProbabilitiesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    below.logProbabilitiesAndGradients(points)
  }
}
