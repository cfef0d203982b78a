import TrimtabNumerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The best trade-offs of a problem of several objectives, all to be minimised, by formula.
public struct TrueFront: Sendable, Equatable {
  enum Shape: Sendable, Equatable {
    /// f2 as a function of f1 (Zitzler, Deb & Thiele 2000).
    case convex
    case concave(from: Double)
    case broken
    /// Where the objectives sum to one half (DTLZ1).
    case simplex
    /// The part of the unit sphere where all are positive (DTLZ2).
    case sphere
    /// 2^(m−1) pieces (DTLZ7).
    case pieces
  }

  let shape: Shape
  public let objectives: Int

  init(_ shape: Shape, objectives: Int = 2) {
    self.shape = shape
    self.objectives = objectives
  }

  /// What hypervolumes are measured from: a tenth beyond the largest value that each objective has on a simple front, 1
  /// or, where the shape has another, one half (simplex) and 2m (the last objective of pieces).
  public var referencePoint: [Double] {
    switch shape {
    case .convex, .concave, .broken, .sphere: Array(repeating: 1.1, count: objectives)
    case .simplex: Array(repeating: 0.55, count: objectives)
    case .pieces: Array(repeating: 1.1, count: objectives - 1) + [2.2 * Double(objectives)]
    }
  }

  /// The volume between the front and the reference point: no set of points has more.
  public var hypervolume: Double {
    let m = Double(objectives)
    switch shape {
    case .convex: return 0.1 * 1.1 + 0.1 + 2.0 / 3
    case .concave(let start):
      // ∫ (1.1 − (1 − t²)) dt from the start to 1, and the strip beyond 1.
      let cube = start * start * start
      return 0.1 * (1 - start) + (1 - cube) / 3 + 0.1 * 1.1
    case .broken:
      let best = Self.running { -Self.broken($0) }
      return Self.integral(best) + 1.1 + (best[best.count - 1] + 1.1) * 0.1
    case .simplex:
      let below: Double = pow(0.5, m) / tgamma(m + 1)
      return pow(0.55, m) - below
    case .sphere:
      let ball: Double = pow(Double.pi, m / 2) / tgamma(m / 2 + 1)
      return pow(1.1, m) - ball / pow(2, m)
    case .pieces:
      // The last objective is 2m − Σ φ(f_i), so the least that a box of the others reaches is 2m − Σ max φ.
      let best = Self.running(Self.piece)
      let along = Self.integral(best) + best[best.count - 1] * 0.1
      let beyond: Double = 0.2 * m * pow(1.1, m - 1)
      return beyond + (m - 1) * along * pow(1.1, m - 2)
    }
  }

  /// Points of the front. With two objectives of the first three shapes they are spread evenly along the first objective;
  /// otherwise they are uniform draws (over the simplex, the sphere, or the pieces' projection), always the same.
  /// - Parameter count: how many; at least 2.
  public func points(_ count: Int) -> [[Double]] {
    func even(_ start: Double, _ value: (Double) -> Double) -> [[Double]] {
      (0..<count).map {
        let t = start + (1 - start) * Double($0) / Double(max(1, count - 1))
        return [t, value(t)]
      }
    }
    var stream = RandomStream(seed: 0, purpose: stableHash("front"), index: UInt64(objectives))
    switch shape {
    case .convex: return even(0) { 1 - $0.squareRoot() }
    case .concave(let start): return even(start) { 1 - $0 * $0 }
    case .broken:
      let records = Self.records { -Self.broken($0) }
      return (0..<count).map {
        let t = records[$0 * (records.count - 1) / max(1, count - 1)]
        return [t, Self.broken(t)]
      }
    case .simplex:
      return (0..<count).map { _ in
        let pieces = (0..<objectives).map { _ in -log(1 - stream.uniform()) }
        let sum = pieces.reduce(0, +)
        return pieces.map { 0.5 * $0 / sum }
      }
    case .sphere:
      return (0..<count).map { _ in
        let direction = (0..<objectives).map { _ in abs(stream.normal()) }
        let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return direction.map { $0 / length }
      }
    case .pieces:
      let records = Self.records(Self.piece)
      return (0..<count).map { _ in
        let first = (1..<objectives).map { _ in records[stream.index(below: records.count)] }
        return first + [2 * Double(objectives) - first.reduce(0) { $0 + Self.piece($1) }]
      }
    }
  }

  /// ZDT3's second objective on the surface that has the front.
  private static func broken(_ t: Double) -> Double { 1 - t.squareRoot() - t * sin(10 * Double.pi * t) }

  /// What one of DTLZ7's first objectives takes from the last.
  private static func piece(_ t: Double) -> Double { t * (1 + sin(3 * Double.pi * t)) }

  private static let steps = 100_000

  /// The greatest value on [0, t], at evenly spaced t from 0 to 1.
  private static func running(_ value: (Double) -> Double) -> [Double] {
    var best = -Double.infinity
    return (0...steps).map { step in
      best = max(best, value(Double(step) / Double(steps)))
      return best
    }
  }

  /// Those of the evenly spaced t at which the value exceeds all before.
  private static func records(_ value: (Double) -> Double) -> [Double] {
    var best = -Double.infinity
    return (0...steps).compactMap { step in
      let t = Double(step) / Double(steps)
      guard value(t) > best else { return nil }
      best = value(t)
      return t
    }
  }

  /// The trapezoidal rule over [0, 1].
  private static func integral(_ values: [Double]) -> Double {
    (values.reduce(0, +) - (values[0] + values[values.count - 1]) / 2) / Double(steps)
  }
}
