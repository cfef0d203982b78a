import TrimtabNumerics

/// An ensemble of small networks that were kept from being sharp, of which the most pessimistic counts: for proposals
/// from a table of results to which no result will be added.
///
/// Sources: see ``SharpnessPenalty``; Kingma & Ba, "Adam", ICLR 2015 (the steps, with their constants and a rate of 0.003).
public struct PessimisticEnsemble: Acquisition {
  public struct Options: Sendable {
    public var members = 5
    public var width = 64
    public var steps = 300
    public var isPenalised = true

    public init() {}
  }

  private static let batch = 64
  private static let rate = 3e-3
  /// Of a choice with more codes only the most frequent are told apart.
  private static let codeLimit = 32

  private var networks: [SmallNetwork] = []
  private let codes: [[Int32]]
  private let numberCount: Int

  /// - Parameters:
  ///   - scores: one a point, greater being better, of mean 0 and deviation 1 or thereabouts.
  ///   - seed: of the first weights, and of the order in which points are seen.
  /// - Returns: nil when there are no points, or training does not stay finite.
  public init?(_ points: FeaturePoints, _ scores: [Double], options: Options = Options(), seed: UInt64) {
    guard !scores.isEmpty else { return nil }
    numberCount = points.numberCount
    codes = points.choices.map { column in
      var counts: [Int32: Int] = [:]
      for code in column { counts[code, default: 0] += 1 }
      return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.codeLimit).map(\.key)
    }
    let inputs = self.inputs(points)
    for member in 0..<options.members {
      var stream = RandomStream(seed: seed, purpose: stableHash("network"), index: UInt64(member))
      guard let network = Self.train(inputs, scores, options, &stream) else { return nil }
      networks.append(network)
    }
  }

  /// A column a point: numbers about the middle of the cube, and a 1 for the choice of each kind.
  private func inputs(_ points: FeaturePoints) -> Matrix {
    let width = numberCount + codes.reduce(0) { $0 + $1.count }
    var result = Matrix(rows: width, columns: points.count)
    for column in 0..<points.count {
      for j in 0..<numberCount { result[j, column] = 2 * points.numbers[column * numberCount + j] - 1 }
      var row = numberCount
      for (k, known) in codes.enumerated() {
        if let place = known.firstIndex(of: points.choices[k][column]) { result[row + place, column] = 1 }
        row += known.count
      }
    }
    return result
  }

  private static func train(
    _ inputs: Matrix, _ scores: [Double], _ options: Options, _ stream: inout RandomStream
  ) -> SmallNetwork? {
    var network = SmallNetwork(inputs: inputs.rows, width: options.width, stream: &stream)
    var penalty = SharpnessPenalty()
    var momentum = [Double](repeating: 0, count: network.parameters.count)
    var square = momentum
    var order = Array(scores.indices)
    var next = order.count
    for step in 1...max(1, options.steps) {
      var rows: [Int] = []
      while rows.count < min(batch, scores.count) {
        if next >= order.count {
          stream.shuffle(&order)
          next = 0
        }
        rows.append(order[next])
        next += 1
      }
      let chosen = subset(inputs, rows)
      let pass = network.forward(chosen)
      let scale = 2 / Double(rows.count)
      let errors = rows.indices.map { scale * (pass.outputs[$0] - scores[rows[$0]]) }
      var gradient = network.backward(pass, chosen, slopes: errors).parameters
      if options.isPenalised {
        let share = [Double](repeating: 1 / Double(rows.count), count: rows.count)
        let term = penalty.term(at: network.parameters) { parameters in
          var other = network
          other.parameters = parameters
          return other.backward(other.forward(chosen), chosen, slopes: share).parameters
        }
        for i in gradient.indices { gradient[i] += term[i] }
      }
      let first = 1 - _pow(0.9, Double(step))
      let second = 1 - _pow(0.999, Double(step))
      for i in gradient.indices {
        momentum[i] = 0.9 * momentum[i] + 0.1 * gradient[i]
        square[i] = 0.999 * square[i] + 0.001 * gradient[i] * gradient[i]
        network.parameters[i] -= rate * (momentum[i] / first) / ((square[i] / second).squareRoot() + 1e-8)
      }
    }
    return network.parameters.allSatisfy(\.isFinite) ? network : nil
  }

  private static func subset(_ matrix: Matrix, _ columns: [Int]) -> Matrix {
    var storage: [Double] = []
    storage.reserveCapacity(matrix.rows * columns.count)
    for column in columns { storage += matrix.storage[column * matrix.rows..<(column + 1) * matrix.rows] }
    return Matrix(rows: matrix.rows, columns: columns.count, storage: storage)
  }

  // MARK: Acquisition

  public var hasGradients: Bool { true }
  public var numberScales: [Double] { [Double](repeating: 0.5, count: numberCount) }

  /// The least score that any network expects.
  public func values(_ points: FeaturePoints) -> [Double] {
    guard points.count > 0 else { return [] }
    let inputs = inputs(points)
    let outputs = networks.map { $0.forward(inputs).outputs }
    return (0..<points.count).map { column in outputs.reduce(.infinity) { min($0, $1[column]) } }
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    var gradients = Matrix(rows: numberCount, columns: points.count)
    guard points.count > 0 else { return ([], gradients) }
    let inputs = inputs(points)
    let passes = networks.map { $0.forward(inputs) }
    var values = [Double](repeating: .infinity, count: points.count)
    var owner = [Int](repeating: 0, count: points.count)
    for (member, pass) in passes.enumerated() {
      for column in values.indices where pass.outputs[column] < values[column] {
        values[column] = pass.outputs[column]
        owner[column] = member
      }
    }
    for member in networks.indices where owner.contains(member) {
      let slopes = owner.map { $0 == member ? 1.0 : 0 }
      let own = networks[member].backward(passes[member], inputs, slopes: slopes).points
      for column in values.indices where owner[column] == member {
        for j in 0..<numberCount { gradients[j, column] = 2 * own[j, column] }
      }
    }
    return (values, gradients)
  }
}
