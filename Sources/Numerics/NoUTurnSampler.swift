/// Draws from a density on ℝⁿ that is known up to a factor, by Hamiltonian dynamics whose length ends where a path turns back.
///
/// States of a path are chosen in proportion to their density (multinomial sampling), progressively towards the newer half. In
/// the warm-up the step follows a target acceptance by dual averaging, and masses follow the variances of the draws.
///
/// Sources: Hoffman & Gelman, "The No-U-Turn sampler", JMLR 15, 2014 (trees, dual averaging); Betancourt, "A conceptual
/// introduction to Hamiltonian Monte Carlo", 2017, arXiv 1701.02434 (multinomial states, the criterion for turning).
public struct NoUTurnSampler {
  public struct Options: Sendable {
    public var warmup = 512
    public var draws = 256
    /// Every so many-th draw is kept.
    public var thinning = 16
    /// A path has at most 2^depth − 1 steps.
    public var depth = 6
    public var acceptance = 0.8

    public init() {}
  }

  public struct Result: Sendable {
    /// The draws that are kept, in their order.
    public var draws: [[Double]]
    /// The share of paths after the warm-up whose energy went astray.
    public var divergentShare: Double
    /// Mean acceptance after the warm-up.
    public var acceptance: Double
    public var evaluations: Int
  }

  /// The logarithm of the density and its gradient; NaN where there is none.
  public typealias Density = ([Double]) -> (value: Double, gradient: [Double])

  private struct State {
    var position: [Double]
    var momentum: [Double]
    var value: Double
    var gradient: [Double]
  }

  private struct Tree {
    var first: State
    var last: State
    var chosen: State
    /// ln Σ exp(−energy) over the states, relative to the start.
    var logWeight: Double
    /// The sum of all momenta.
    var sum: [Double]
    var isTurning: Bool
    var isDivergent: Bool
    var acceptanceSum: Double
    var steps: Int
  }

  /// An error in the energy that no step of sensible length makes.
  static let energyLimit = 1000.0

  private let density: Density
  private let options: Options
  private var stream: RandomStream
  private var variances: [Double]
  private var step = 0.1
  private var evaluations = 0

  private init(_ density: @escaping Density, _ options: Options, _ stream: RandomStream, dimension: Int) {
    self.density = density
    self.options = options
    self.stream = stream
    variances = Array(repeating: 1, count: dimension)
  }

  /// - Parameters:
  ///   - start: where the density is positive, best its mode.
  ///   - stream: what is random.
  /// - Returns: nil when the start has no finite density.
  public static func draw(
    _ density: @escaping Density, from start: [Double], options: Options = Options(), stream: RandomStream
  ) -> Result? {
    var sampler = NoUTurnSampler(density, options, stream, dimension: start.count)
    return sampler.run(start)
  }

  // MARK: Running

  private mutating func run(_ start: [Double]) -> Result? {
    guard var state = state(at: start) else { return nil }
    findStep(state)
    var averaging = DualAveraging(step: step, target: options.acceptance)
    var moments = Moments(count: start.count)
    // Variances are learned in windows that double, after a time for the step alone and before another one.
    let beginning = max(1, options.warmup / 8)
    let end = options.warmup - max(1, options.warmup / 8)
    var windowEnd = beginning + max(1, (end - beginning) / 7)
    for iteration in 0..<options.warmup {
      let tree = transition(&state)
      averaging.update(acceptance: tree.acceptanceSum / Double(max(1, tree.steps)))
      step = averaging.step
      guard iteration >= beginning, iteration < end else { continue }
      moments.add(state.position)
      guard iteration + 1 == windowEnd else { continue }
      variances = moments.regularised
      moments = Moments(count: start.count)
      windowEnd = min(end, windowEnd + 2 * (windowEnd - beginning))
      if end - windowEnd < (windowEnd - beginning) / 2 { windowEnd = end }
      findStep(state)
      averaging = DualAveraging(step: step, target: options.acceptance)
    }
    if options.warmup > 0 { step = averaging.average }
    var result = Result(draws: [], divergentShare: 0, acceptance: 0, evaluations: 0)
    for iteration in 1...max(1, options.draws) {
      let tree = transition(&state)
      if tree.isDivergent { result.divergentShare += 1 / Double(options.draws) }
      result.acceptance += tree.acceptanceSum / Double(max(1, tree.steps)) / Double(options.draws)
      if iteration % max(1, options.thinning) == 0 { result.draws.append(state.position) }
    }
    result.evaluations = evaluations
    return result
  }

  private mutating func state(at position: [Double]) -> State? {
    evaluations += 1
    let (value, gradient) = density(position)
    guard value.isFinite, gradient.allSatisfy(\.isFinite) else { return nil }
    return State(
      position: position, momentum: Array(repeating: 0, count: position.count), value: value, gradient: gradient)
  }

  /// ln density − kinetic energy.
  private func logJoint(_ state: State) -> Double {
    var kinetic = 0.0
    for i in state.momentum.indices { kinetic += 0.5 * variances[i] * state.momentum[i] * state.momentum[i] }
    return state.value - kinetic
  }

  private mutating func drawMomentum(_ state: inout State) {
    for i in variances.indices { state.momentum[i] = stream.normal() / variances[i].squareRoot() }
  }

  /// One step of the leapfrog; nil where the density ends.
  private mutating func leap(_ from: State, _ length: Double) -> State? {
    var momentum = from.momentum
    var position = from.position
    for i in position.indices {
      momentum[i] += 0.5 * length * from.gradient[i]
      position[i] += length * variances[i] * momentum[i]
    }
    guard var next = state(at: position) else { return nil }
    for i in momentum.indices { next.momentum[i] = momentum[i] + 0.5 * length * next.gradient[i] }
    return next
  }

  /// A step that is accepted about half of the time, by doubling and halving.
  private mutating func findStep(_ state: State) {
    var start = state
    drawMomentum(&start)
    let before = logJoint(start)
    func ratio(_ next: State?, _ sampler: NoUTurnSampler) -> Double {
      next.map { sampler.logJoint($0) - before } ?? -.infinity
    }
    let half = -0.693147180559945309
    let grows = ratio(leap(start, step), self) > half
    for _ in 0..<40 {
      let length = grows ? 2 * step : 0.5 * step
      let isAccepted = ratio(leap(start, length), self) > half
      if grows, !isAccepted { return }
      step = length
      if !grows, isAccepted { return }
    }
  }

  // MARK: Trees

  private mutating func transition(_ state: inout State) -> Tree {
    drawMomentum(&state)
    let start = logJoint(state)
    var tree = Tree(
      first: state, last: state, chosen: state, logWeight: 0, sum: state.momentum, isTurning: false,
      isDivergent: false, acceptanceSum: 0, steps: 0)
    for depth in 0..<options.depth {
      let goesOn = stream.uniform() < 0.5
      let grown = grow(goesOn ? tree.last : tree.first, depth, goesOn ? 1 : -1, start)
      tree.acceptanceSum += grown.acceptanceSum
      tree.steps += grown.steps
      if grown.isDivergent { tree.isDivergent = true }
      if grown.isDivergent || grown.isTurning { break }
      // Towards the new half.
      if _log(max(stream.uniform(), 0x1p-60)) < grown.logWeight - tree.logWeight { tree.chosen = grown.chosen }
      join(&tree, grown, goesOn)
      if tree.isTurning { break }
    }
    state = tree.chosen
    return tree
  }

  private func join(_ tree: inout Tree, _ other: Tree, _ goesOn: Bool) {
    if goesOn { tree.last = other.last } else { tree.first = other.first }
    tree.logWeight = logAddExp(tree.logWeight, other.logWeight)
    for i in tree.sum.indices { tree.sum[i] += other.sum[i] }
    tree.isTurning = isTurning(tree)
  }

  private func isTurning(_ tree: Tree) -> Bool {
    var (first, last) = (0.0, 0.0)
    for i in tree.sum.indices {
      first += tree.first.momentum[i] * variances[i] * tree.sum[i]
      last += tree.last.momentum[i] * variances[i] * tree.sum[i]
    }
    return first <= 0 || last <= 0
  }

  private mutating func grow(_ from: State, _ depth: Int, _ direction: Double, _ start: Double) -> Tree {
    if depth == 0 {
      let next = leap(from, direction * step)
      let weight = next.map { logJoint($0) - start } ?? -.infinity
      let isDivergent = !(weight > -Self.energyLimit)
      let reached = next ?? from
      return Tree(
        first: reached, last: reached, chosen: reached, logWeight: isDivergent ? -.infinity : weight,
        sum: reached.momentum, isTurning: false, isDivergent: isDivergent,
        acceptanceSum: isDivergent ? 0 : min(1, _exp(weight)), steps: 1)
    }
    var tree = grow(from, depth - 1, direction, start)
    if tree.isDivergent || tree.isTurning { return tree }
    let other = grow(direction > 0 ? tree.last : tree.first, depth - 1, direction, start)
    tree.acceptanceSum += other.acceptanceSum
    tree.steps += other.steps
    tree.isDivergent = other.isDivergent
    if other.isDivergent || other.isTurning {
      tree.isTurning = true
      return tree
    }
    let total = logAddExp(tree.logWeight, other.logWeight)
    if _log(max(stream.uniform(), 0x1p-60)) < other.logWeight - total { tree.chosen = other.chosen }
    join(&tree, other, direction > 0)
    return tree
  }
}

/// Nesterov's dual averaging of the logarithm of a step. Source: Hoffman & Gelman 2014, section 3.2.
private struct DualAveraging {
  private let target: Double
  private let centre: Double
  private var error = 0.0
  private var count = 0.0
  private var logStep: Double
  private var logAverage = 0.0

  init(step: Double, target: Double) {
    self.target = target
    centre = _log(10 * step)
    logStep = _log(step)
    logAverage = logStep
  }

  var step: Double { _exp(logStep) }
  var average: Double { _exp(logAverage) }

  mutating func update(acceptance: Double) {
    count += 1
    let share = 1 / (count + 10)
    error = (1 - share) * error + share * (target - acceptance)
    logStep = centre - count.squareRoot() / 0.05 * error
    let weight = _exp(-0.75 * _log(count))
    logAverage = weight * logStep + (1 - weight) * logAverage
  }
}

/// Welford's running means and variances.
private struct Moments {
  private var count = 0.0
  private var means: [Double]
  private var squares: [Double]

  init(count: Int) {
    means = Array(repeating: 0, count: count)
    squares = means
  }

  mutating func add(_ values: [Double]) {
    count += 1
    for i in values.indices {
      let step = values[i] - means[i]
      means[i] += step / count
      squares[i] += step * (values[i] - means[i])
    }
  }

  /// Drawn towards a thousandth, as in Stan.
  var regularised: [Double] {
    squares.map { count / (count + 5) * ($0 / max(1, count - 1)) + 1e-3 * 5 / (count + 5) }
  }
}
