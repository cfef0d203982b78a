/// Keeps a model from being sharp: from changing its mean prediction much when its parameters change a little, which is
/// how an optimiser is fooled outside of the data.
///
/// The penalty is ρ ‖u‖ with u = ∇G, the gradient of the mean prediction with respect to the parameters; its multiplier λ
/// grows while the penalty is above ε. The gradient of the penalty is taken by a finite difference along u.
/// Source: Dao, Nguyen, Truong & Hoang, "Incorporating surrogate gradient norm to improve offline optimization techniques",
/// NeurIPS 2024, arXiv 2503.04242 (IGNITE).
///
/// Deviation: λ does not become negative.
public struct SharpnessPenalty: Sendable {
  /// The greatest penalty that is tolerated.
  public var tolerance = 0.1
  public var multiplier = 1e-3
  /// How fast the multiplier follows.
  public var rate = 1e-3
  public var radius = 0.05

  public init() {}

  /// What is added to the gradient of the loss, λ (ρ/r) (∇G(β + r u/‖u‖) − u) with r = ρ.
  /// - Parameter gradient: ∇G at any parameters.
  public mutating func term(at parameters: [Double], gradient: ([Double]) -> [Double]) -> [Double] {
    let u = gradient(parameters)
    let norm = u.reduce(0) { $0 + $1 * $1 }.squareRoot()
    defer { multiplier = max(0, multiplier + rate * (radius * norm - tolerance)) }
    guard norm > 1e-12, norm.isFinite else { return [Double](repeating: 0, count: parameters.count) }
    let moved = parameters.indices.map { parameters[$0] + radius * u[$0] / norm }
    let other = gradient(moved)
    return u.indices.map { multiplier * (other[$0] - u[$0]) }
  }
}
