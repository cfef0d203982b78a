/// Minimises a smooth function within a box by limited-memory BFGS steps that are projected onto the box.
///
/// The minimiser asks and is told: evaluate the function at `point`, call ``tell(_:_:)``, and go on until `isDone`. So
/// several runs can be evaluated together, and nothing is captured or called back.
///
/// Variables that lie on a bound towards which the function falls are left out of a step. Steps are shortened until the
/// function falls enough (Armijo); pairs of steps and gradients without positive curvature are not learned from.
///
/// Sources: Nocedal, "Updating quasi-Newton matrices with limited storage", Mathematics of Computation 35, 1980;
/// Bertsekas, "Projected Newton methods for optimization problems with simple constraints", SIAM J. Control and
/// Optimization 20, 1982.
public struct BoxLBFGS: Sendable {
  public struct Options: Sendable {
    /// Pairs that are remembered.
    public var memory = 8
    /// Done when no variable would move farther than this along the projected negative gradient.
    public var tolerance = 1e-5
    /// Done when a step lowers the function by less than this, relative to its magnitude.
    public var leastDecrease = 1e-9
    public var evaluations = 200
    /// The length of the very first step.
    public var firstStep = 1.0

    public init() {}
  }

  static let sufficientDecrease = 1e-4
  static let backtracks = 20

  /// Where the function is to be evaluated next.
  public private(set) var point: [Double]
  /// The best point so far and its value; the start and +∞ before the first finite value.
  public private(set) var best: [Double]
  public private(set) var value = Double.infinity
  public private(set) var isDone = false
  public private(set) var evaluations = 0

  private let lower: [Double]
  private let upper: [Double]
  private let options: Options
  private var gradient: [Double] = []
  private var direction: [Double] = []
  private var steps: [[Double]] = []
  private var changes: [[Double]] = []
  private var length = 1.0
  private var backtrackCount = 0

  /// - Parameters:
  ///   - start: is moved into the box first.
  ///   - lower: one bound a variable, −∞ for none.
  ///   - upper: one bound a variable, +∞ for none.
  /// - Precondition: the counts agree, and no lower bound is above its upper one.
  public init(start: [Double], lower: [Double], upper: [Double], options: Options = Options()) {
    precondition(start.count == lower.count && start.count == upper.count, "a bound is missing")
    self.lower = lower
    self.upper = upper
    self.options = options
    point = start.indices.map { min(max(start[$0], lower[$0]), upper[$0]) }
    best = point
  }

  /// Takes note of the function's value and gradient at `point`. A value that is not finite counts as too far a step.
  public mutating func tell(_ value: Double, _ gradient: [Double]) {
    guard !isDone else { return }
    evaluations += 1
    let isFinite = value.isFinite && gradient.allSatisfy(\.isFinite)
    if direction.isEmpty {
      guard isFinite else {
        isDone = true
        return
      }
      self.value = value
      self.gradient = gradient
      startStep(isFirst: true)
      return
    }
    var expected = 0.0
    for i in point.indices { expected += self.gradient[i] * (point[i] - best[i]) }
    guard isFinite, value <= self.value + Self.sufficientDecrease * min(expected, 0), value < self.value else {
      backtrack(isFinite ? value : nil)
      return
    }
    accept(value, gradient)
  }

  private mutating func accept(_ value: Double, _ gradient: [Double]) {
    var step = [Double](repeating: 0, count: point.count)
    var change = step
    var curvature = 0.0
    var stepSquare = 0.0
    var changeSquare = 0.0
    for i in point.indices {
      step[i] = point[i] - best[i]
      change[i] = gradient[i] - self.gradient[i]
      curvature += step[i] * change[i]
      stepSquare += step[i] * step[i]
      changeSquare += change[i] * change[i]
    }
    if curvature > 1e-10 * (stepSquare * changeSquare).squareRoot() {
      steps.append(step)
      changes.append(change)
      if steps.count > options.memory {
        steps.removeFirst()
        changes.removeFirst()
      }
    }
    let decrease = self.value - value
    best = point
    self.value = value
    self.gradient = gradient
    if decrease <= options.leastDecrease * max(1, abs(value)) {
      isDone = true
      return
    }
    startStep(isFirst: false)
  }

  /// Whether a variable is on a bound towards which the function falls.
  private func isHeld(_ i: Int) -> Bool {
    (best[i] <= lower[i] && gradient[i] >= 0) || (best[i] >= upper[i] && gradient[i] <= 0)
  }

  private mutating func startStep(isFirst: Bool) {
    var move = 0.0
    for i in best.indices {
      move = max(move, abs(min(max(best[i] - gradient[i], lower[i]), upper[i]) - best[i]))
    }
    guard move > options.tolerance, evaluations < options.evaluations else {
      isDone = true
      return
    }
    let free = best.indices.map { !isHeld($0) }
    direction = twoLoop(free)
    var slope = 0.0
    for i in best.indices { slope += direction[i] * gradient[i] }
    if !(slope < 0) || !slope.isFinite {
      steps = []
      changes = []
      direction = best.indices.map { free[$0] ? -gradient[$0] : 0 }
    }
    length = 1
    if steps.isEmpty {
      var square = 0.0
      for value in direction { square += value * value }
      length = min(1, options.firstStep / max(square.squareRoot(), 1e-300))
    }
    backtrackCount = 0
    place()
  }

  /// −H·gradient on the free variables.
  private func twoLoop(_ free: [Bool]) -> [Double] {
    var q = best.indices.map { free[$0] ? gradient[$0] : 0 }
    var weights = [Double](repeating: 0, count: steps.count)
    var scale = 1.0
    var used: [Int] = []
    for k in steps.indices.reversed() {
      var curvature = 0.0
      var square = 0.0
      for i in q.indices where free[i] {
        curvature += steps[k][i] * changes[k][i]
        square += changes[k][i] * changes[k][i]
      }
      // On the free variables alone a pair may have lost its curvature.
      guard curvature > 1e-12 * square, square > 0 else { continue }
      if used.isEmpty { scale = curvature / square }
      used.append(k)
      var projection = 0.0
      for i in q.indices where free[i] { projection += steps[k][i] * q[i] }
      weights[k] = projection / curvature
      for i in q.indices where free[i] { q[i] -= weights[k] * changes[k][i] }
    }
    for i in q.indices { q[i] *= scale }
    for k in used.reversed() {
      var curvature = 0.0
      var projection = 0.0
      for i in q.indices where free[i] {
        curvature += steps[k][i] * changes[k][i]
        projection += changes[k][i] * q[i]
      }
      let weight = weights[k] - projection / curvature
      for i in q.indices where free[i] { q[i] += weight * steps[k][i] }
    }
    return q.map { -$0 }
  }

  private mutating func place() {
    var isMoved = false
    for i in point.indices {
      point[i] = min(max(best[i] + length * direction[i], lower[i]), upper[i])
      if point[i] != best[i] { isMoved = true }
    }
    if !isMoved { isDone = true }
  }

  private mutating func backtrack(_ value: Double?) {
    backtrackCount += 1
    guard backtrackCount <= Self.backtracks, evaluations < options.evaluations else {
      isDone = true
      return
    }
    var slope = 0.0
    for i in point.indices { slope += gradient[i] * (point[i] - best[i]) }
    var factor = 0.1
    if let value, slope < 0 {
      // The least of the parabola through the value and slope at the start and the value here.
      let curvature = value - self.value - slope
      if curvature > 0 { factor = min(max(-slope / (2 * curvature), 0.1), 0.5) } else { factor = 0.5 }
    }
    length *= factor
    place()
  }

  /// Minimises a function that gives its value and gradient.
  public static func minimise(
    from start: [Double], lower: [Double], upper: [Double], options: Options = Options(),
    _ function: ([Double]) -> (value: Double, gradient: [Double])
  ) -> BoxLBFGS {
    var run = BoxLBFGS(start: start, lower: lower, upper: upper, options: options)
    while !run.isDone {
      let (value, gradient) = function(run.point)
      run.tell(value, gradient)
    }
    return run
  }
}
