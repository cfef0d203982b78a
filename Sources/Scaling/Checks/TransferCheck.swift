import TrimtabNumerics

/// Whether the best learning rate of small models is that of large ones.
///
/// At each size the vertex of a parabola in ln η through the best rate and its neighbours. It passes when all vertices lie
/// within a grid factor of the smallest size's, and the loss at the transferred rate is within the noise of seeds, or 0.1 %, of
/// each size's best. These limits are Trimtab's.
public struct TransferCheck: Sendable {
  public struct Run: Sendable {
    public var size: Double
    public var learningRate: Double
    public var loss: Double

    public init(size: Double, learningRate: Double, loss: Double) {
      self.size = size
      self.learningRate = learningRate
      self.loss = loss
    }
  }

  public struct Optimum: Sendable, Equatable {
    public var size: Double
    /// Of the parabola.
    public var learningRate: Double
    /// The best of the grid.
    public var bestRate: Double
    public var bestLoss: Double
    /// The loss at the grid's rate nearest to the smallest size's optimum, over the best, less 1.
    public var transferGap: Double
    /// Whether the best rate is the lowest or highest tried.
    public var isOnEdge: Bool
    /// Whether its neighbours are worse by more than the noise.
    public var isResolved: Bool
  }

  public enum Verdict: String, Sendable { case pass, fail, unresolved }

  public let optima: [Optimum]
  /// The factor between rates next to each other.
  public let gridFactor: Double
  /// The standard error of a mean loss over seeds, relative; 0 where no rate was run twice.
  public let noise: Double
  /// s in ln η* = k + s·ln n.
  public let drift: Double
  /// Of the drift, 95 %.
  public let driftInterval: ClosedRange<Double>
  public private(set) var reasons: [String] = []
  public let verdict: Verdict

  /// - Throws: `ScalingError` for fewer than 3 sizes or 3 rates at a size, and impossible numbers.
  public init(_ runs: [Run]) throws(ScalingError) {
    for (i, run) in runs.enumerated() {
      guard run.size > 0, run.size.isFinite, run.learningRate > 0, run.learningRate.isFinite else {
        throw ScalingError("row \(i + 1): the size and the learning rate must be numbers above 0")
      }
    }
    let sizes = Set(runs.map(\.size)).sorted()
    guard sizes.count >= 3 else {
      throw ScalingError("there are \(sizes.count) different sizes; a transfer check needs at least 3")
    }
    var curves: [(size: Double, points: [(rate: Double, loss: Double)])] = []
    var (square, degrees, most) = (0.0, 0, 1)
    for size in sizes {
      let groups = Dictionary(grouping: runs.filter { $0.size == size }, by: \.learningRate)
      var points: [(rate: Double, loss: Double)] = []
      for (rate, group) in groups {
        // A rate at which one seed diverges is no candidate.
        guard group.allSatisfy({ $0.loss.isFinite }) else { continue }
        let mean = group.reduce(0) { $0 + $1.loss } / Double(group.count)
        points.append((rate, mean))
      }
      points.sort { $0.rate < $1.rate }
      guard points.count >= 3 else {
        throw ScalingError("size \(shown(size)) has \(points.count) rates with finite losses; at least 3 are needed")
      }
      // Noise counts where it matters: at the best rate and beside it.
      let best = points.indices.min { points[$0].loss < points[$1].loss } ?? 0
      for i in max(0, best - 1)...min(points.count - 1, best + 1) {
        let group = groups[points[i].rate] ?? []
        for run in group {
          let part = run.loss / points[i].loss - 1
          square += part * part
        }
        degrees += group.count - 1
        most = max(most, group.count)
      }
      curves.append((size, points))
    }
    noise = degrees > 0 ? (square / Double(degrees) / Double(most)).squareRoot() : 0
    let allowed = max(0.001, 2 * noise)
    var factor = 1.0
    var found: [Optimum] = []
    for (size, points) in curves {
      let best = points.indices.min { points[$0].loss < points[$1].loss } ?? 0
      let isOnEdge = best == 0 || best == points.count - 1
      var vertex = points[best].rate
      var isResolved = true
      if !isOnEdge {
        let (a, b, c) = (points[best - 1], points[best], points[best + 1])
        let (x, y) = (_log(a.rate / b.rate), _log(c.rate / b.rate))
        let (u, v) = ((a.loss - b.loss) / x, (c.loss - b.loss) / y)
        let curvature = (v - u) / (y - x)
        if curvature > 0 { vertex = b.rate * _exp(-(u - curvature * x) / (2 * curvature)) }
        factor = max(factor, max(b.rate / a.rate, c.rate / b.rate))
        isResolved = min(a.loss, c.loss) / b.loss - 1 > noise || noise == 0
      }
      let start = found.first?.learningRate ?? vertex
      let transferred = points.min { abs(_log($0.rate / start)) < abs(_log($1.rate / start)) }
      found.append(
        Optimum(
          size: size, learningRate: vertex, bestRate: points[best].rate, bestLoss: points[best].loss,
          transferGap: (transferred?.loss ?? .nan) / points[best].loss - 1, isOnEdge: isOnEdge, isResolved: isResolved))
    }
    optima = found
    gridFactor = factor
    let (x, y) = (found.map { _log($0.size) }, found.map { _log($0.learningRate) })
    let line = LinearFit.solve([x], y, nil) ?? [.nan, .nan]
    drift = line[1]
    var rest = 0.0
    let mean = x.reduce(0, +) / Double(x.count)
    for i in x.indices {
      let r = y[i] - line[0] - line[1] * x[i]
      rest += r * r
    }
    let spread = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let freedom = Double(x.count - 2)
    let half = MeanInterval.quantile(upperTail: 0.025, degrees: freedom) * (rest / freedom / spread).squareRoot()
    driftInterval = (drift - half)...(drift + half)

    var why: [String] = []
    if let edge = found.first(where: \.isOnEdge) {
      why.append(
        "at size \(shown(edge.size)) the best rate, \(shown(edge.bestRate)), is on the edge of its grid: widen it")
    }
    if let flat = found.first(where: { !$0.isResolved }) {
      why.append(
        "at size \(shown(flat.size)) the best rate and its neighbours differ by less than the noise of seeds: add seeds"
      )
    }
    var failures: [String] = []
    for item in found.dropFirst() where !item.isOnEdge {
      let ratio = item.learningRate / found[0].learningRate
      // The vertices are known no better than to rounding.
      if max(ratio, 1 / ratio) > factor * 1.000001 {
        failures.append(
          "the optimum at size \(shown(item.size)) is \(shown(ratio)) times the smallest size's, beyond a grid factor of "
            + shown(factor))
      }
      if item.transferGap > allowed {
        failures.append(
          "at size \(shown(item.size)) the transferred rate costs \(shown(100 * item.transferGap)) % of the loss, beyond "
            + "\(shown(100 * allowed)) %")
      }
    }
    reasons = failures + why
    verdict = !failures.isEmpty ? .fail : why.isEmpty ? .pass : .unresolved
  }
}
