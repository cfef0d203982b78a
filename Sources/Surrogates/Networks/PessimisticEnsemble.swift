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

  private var networks: [SmallNetwork] = []
  private let columns: NetworkInputs
  private let numberCount: Int

  /// - Parameters:
  ///   - scores: one a point, greater being better, of mean 0 and deviation 1 or thereabouts.
  ///   - seed: of the first weights, and of the order in which points are seen.
  /// - Returns: nil when there are no points, or training does not stay finite.
  public init?(_ points: FeaturePoints, _ scores: [Double], options: Options = Options(), seed: UInt64) {
    guard !scores.isEmpty else { return nil }
    numberCount = points.numberCount
    columns = NetworkInputs(points)
    let inputs = columns.matrix(points)
    for member in 0..<options.members {
      var stream = RandomStream(seed: seed, purpose: stableHash("network"), index: UInt64(member))
      guard let network = Self.train(inputs, scores, options, &stream) else { return nil }
      networks.append(network)
    }
  }

  private static func train(
    _ inputs: Matrix, _ scores: [Double], _ options: Options, _ stream: inout RandomStream
  ) -> SmallNetwork? {
    var network = SmallNetwork(inputs: inputs.rows, width: options.width, stream: &stream)
    var penalty = SharpnessPenalty()
    var adam = Adam(network.parameters.count, rate: rate)
    var batches = Batches(scores.count, size: batch)
    for _ in 0..<max(1, options.steps) {
      let rows = batches.draw(&stream)
      let chosen = inputs.columns(at: rows)
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
      adam.move(&network.parameters, against: gradient)
    }
    return network.parameters.allSatisfy(\.isFinite) ? network : nil
  }

  // MARK: Acquisition

  public var hasGradients: Bool { true }
  public var numberScales: [Double] { [Double](repeating: 0.5, count: numberCount) }

  /// The least score that any network expects.
  public func values(_ points: FeaturePoints) -> [Double] {
    guard points.count > 0 else { return [] }
    let inputs = columns.matrix(points)
    let outputs = networks.map { $0.forward(inputs).outputs }
    return (0..<points.count).map { column in outputs.reduce(.infinity) { min($0, $1[column]) } }
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    var gradients = Matrix(rows: numberCount, columns: points.count)
    guard points.count > 0 else { return ([], gradients) }
    let inputs = columns.matrix(points)
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
