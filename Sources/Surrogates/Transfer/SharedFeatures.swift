import TrimtabNumerics

/// Features of a configuration that serve several studies, each of which is a linear function of them.
///
/// Source: Perrone, Jenatton, Seeger & Archambeau, "Scalable hyperparameter transfer learning", NeurIPS 2018. The features are
/// the last layer of a network that all studies share; each study t has a Bayesian linear head of its own (see `LinearHead`)
/// with its precisions α_t and β_t. The network and the precisions maximise the sum of the studies' log evidences, by L-BFGS
/// with gradients through the heads. Work grows linearly with the number of trials.
///
/// A constant is one more feature.
public struct SharedFeatures: Sendable {
  public struct Options: Sendable {
    /// Units of each layer.
    public var width = 50
    /// Of the sum of the log evidences, at most.
    public var evaluations = 120

    public init() {}
  }

  public struct Task: Sendable {
    public var points: FeaturePoints
    /// Greater being better, of mean 0 and deviation 1 or thereabouts.
    public var scores: [Double]

    public init(_ points: FeaturePoints, _ scores: [Double]) {
      self.points = points
      self.scores = scores
    }
  }

  /// Logarithms: what precisions may be. Scores have deviation 1, so that less noise than a thousandth is not believed.
  static let lowest = LinearHead.Precisions(weights: _log(1e-3), noise: _log(0.1))
  static let highest = LinearHead.Precisions(weights: _log(1e5), noise: _log(1e6))
  static let first = LinearHead.Precisions(weights: _log(10), noise: _log(100))

  let columns: NetworkInputs
  let numberCount: Int
  private(set) var network: FeatureNetwork
  /// One for each task, in their order.
  public private(set) var precisions: [LinearHead.Precisions]
  /// Whether training came to anything; else the features are those of a random network.
  public private(set) var isTrained = false

  /// Features for some tasks, from a random network on.
  /// - Parameter seed: of the first weights.
  /// - Returns: nil without any point.
  public init?(_ tasks: [Task], options: Options = Options(), seed: UInt64) {
    guard let first = tasks.first, tasks.contains(where: { $0.points.count > 0 }) else { return nil }
    numberCount = first.points.numberCount
    var all = first.points
    for task in tasks.dropFirst() { for row in 0..<task.points.count { all.append(row, of: task.points) } }
    columns = NetworkInputs(all)
    var stream = RandomStream(seed: seed, purpose: stableHash("features"), index: 0)
    network = FeatureNetwork(inputs: columns.width, width: options.width, stream: &stream)
    precisions = tasks.map { _ in Self.first }
    train(tasks, evaluations: options.evaluations)
  }

  /// The features after training goes on with other tasks: those of the first training, and one more.
  public func trained(with tasks: [Task], evaluations: Int) -> SharedFeatures {
    var result = self
    result.precisions = tasks.indices.map { $0 < precisions.count ? precisions[$0] : typicalPrecisions }
    result.train(tasks, evaluations: evaluations)
    return result
  }

  private mutating func train(_ tasks: [Task], evaluations: Int) {
    let inputs = tasks.map { columns.matrix($0.points) }
    let count = network.parameters.count
    var options = BoxLBFGS.Options()
    options.evaluations = evaluations
    options.leastDecrease = 1e-6
    let pairs = precisions.flatMap { [$0.weights, $0.noise] }
    var lower = [Double](repeating: -.infinity, count: count + pairs.count)
    var upper = [Double](repeating: .infinity, count: count + pairs.count)
    for t in tasks.indices {
      (lower[count + 2 * t], upper[count + 2 * t]) = (Self.lowest.weights, Self.highest.weights)
      (lower[count + 2 * t + 1], upper[count + 2 * t + 1]) = (Self.lowest.noise, Self.highest.noise)
    }
    let start = network
    let run = BoxLBFGS.minimise(from: network.parameters + pairs, lower: lower, upper: upper, options: options) {
      point in
      var network = start
      network.parameters = Array(point[..<count])
      let (value, gradient) = Self.negativeLogEvidence(
        network,
        precisions: tasks.indices.map { .init(weights: point[count + 2 * $0], noise: point[count + 2 * $0 + 1]) },
        inputs, tasks.map(\.scores))
      return (value, gradient)
    }
    isTrained = run.value.isFinite
    guard isTrained else { return }
    network.parameters = Array(run.best[..<count])
    precisions = tasks.indices.map { .init(weights: run.best[count + 2 * $0], noise: run.best[count + 2 * $0 + 1]) }
  }

  /// − Σ_t ln p(y_t), and its gradient: of the network's parameters, then of each task's precisions. Infinite where a head
  /// cannot be made.
  static func negativeLogEvidence(
    _ network: FeatureNetwork, precisions: [LinearHead.Precisions], _ inputs: [Matrix], _ targets: [[Double]]
  ) -> (value: Double, gradient: [Double]) {
    var value = 0.0
    var gradient = [Double](repeating: 0, count: network.parameters.count)
    var pairs: [Double] = []
    for t in inputs.indices {
      let pass = network.forward(inputs[t])
      let features = withConstant(pass.features)
      guard let head = LinearHead(features: features, targets: targets[t], precisions: precisions[t]),
        let slopes = head.gradients(features)
      else { return (.infinity, gradient + [Double](repeating: 0, count: 2 * inputs.count)) }
      value -= head.logEvidence
      pairs += [-slopes.weights, -slopes.noise]
      let own = network.backward(pass, inputs[t], slopes: withoutConstant(slopes.features)).parameters
      for i in own.indices { gradient[i] -= own[i] }
    }
    return (value, gradient + pairs)
  }

  static func withConstant(_ features: Matrix) -> Matrix {
    var storage: [Double] = []
    storage.reserveCapacity((features.rows + 1) * features.columns)
    for column in 0..<features.columns {
      storage += features.storage[column * features.rows..<(column + 1) * features.rows]
      storage.append(1)
    }
    return Matrix(rows: features.rows + 1, columns: features.columns, storage: storage)
  }

  static func withoutConstant(_ features: Matrix) -> Matrix {
    var storage: [Double] = []
    for column in 0..<features.columns {
      storage += features.storage[column * features.rows..<(column + 1) * features.rows - 1]
    }
    return Matrix(rows: features.rows - 1, columns: features.columns, storage: storage)
  }

  // MARK: Heads

  /// The features of some points, a column a point.
  public func features(_ points: FeaturePoints) -> Matrix {
    Self.withConstant(network.forward(columns.matrix(points)).features)
  }

  /// The mean of the tasks' precisions, as logarithms.
  public var typicalPrecisions: LinearHead.Precisions {
    let share = 1 / Double(max(1, precisions.count))
    return precisions.reduce(into: LinearHead.Precisions(weights: 0, noise: 0)) {
      $0.weights += share * $1.weights
      $0.noise += share * $1.noise
    }
  }

  /// The head of a task with precisions that are given.
  public func head(_ task: Task, _ precisions: LinearHead.Precisions) -> LinearHead? {
    LinearHead(features: features(task.points), targets: task.scores, precisions: precisions)
  }

  /// The head of a task whose precisions are the most probable ones, as those of the tasks of the training are beforehand:
  /// their logarithms are normal about the mean of those, with deviation 1.
  public func head(_ task: Task) -> LinearHead? {
    let typical = typicalPrecisions
    let features = features(task.points)
    var options = BoxLBFGS.Options()
    options.evaluations = 30
    let run = BoxLBFGS.minimise(
      from: [typical.weights, typical.noise], lower: [Self.lowest.weights, Self.lowest.noise],
      upper: [Self.highest.weights, Self.highest.noise], options: options
    ) { point in
      guard
        let head = LinearHead(
          features: features, targets: task.scores, precisions: .init(weights: point[0], noise: point[1])),
        let slopes = head.gradients(features)
      else { return (.infinity, [0, 0]) }
      let steps = (point[0] - typical.weights, point[1] - typical.noise)
      return (
        0.5 * (steps.0 * steps.0 + steps.1 * steps.1) - head.logEvidence,
        [steps.0 - slopes.weights, steps.1 - slopes.noise]
      )
    }
    return LinearHead(
      features: features, targets: task.scores, precisions: .init(weights: run.best[0], noise: run.best[1]))
  }
}
