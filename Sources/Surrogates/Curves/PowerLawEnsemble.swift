import TrimtabNumerics

/// An ensemble of small networks that give each configuration a learning curve of the form of a power law,
///
///     y(t) = a + s(b) t^(−s(c)),  s(u) = u / (1 + e^(−u)),
///
/// t being the share of the full resource: mean and deviation are those of the networks.
///
/// Source: Kadra, Janowski, Wistuba & Grabocka, "Scaling laws for hyperparameter optimization", NeurIPS 2023, arXiv
/// 2302.00441 (deep power laws), with the constants of its program where nothing else is said.
public struct PowerLawEnsemble: Sendable {
  public struct Options: Sendable, Equatable {
    public var members = 5
    /// Of each of two hidden layers.
    public var width = 64
    public var steps = 1000

    public init() {}
  }

  private static let batch = 64
  private static let rate = 1e-3
  /// A power law is infinite at nothing.
  private static let leastTime = 1e-3

  private var networks: [SmallNetwork] = []
  private let columns: NetworkInputs

  /// - Parameters:
  ///   - points: one a curve.
  ///   - curves: their times are shares of the full resource; values of deviation 1 or thereabouts.
  ///   - seed: of the first weights, and of the order in which values are seen.
  /// - Returns: nil when there are no values, or training does not stay finite.
  public init?(
    _ points: FeaturePoints, _ curves: [FreezeThawProcess.Curve], options: Options = Options(), seed: UInt64
  ) {
    columns = NetworkInputs(points)
    let inputs = columns.matrix(points)
    var owners: [Int] = []
    var times: [Double] = []
    var values: [Double] = []
    for (i, curve) in curves.enumerated() {
      owners += curve.times.map { _ in i }
      times += curve.times.map { max($0, Self.leastTime) }
      values += curve.values
    }
    guard !values.isEmpty, values.allSatisfy(\.isFinite) else { return nil }
    for member in 0..<options.members {
      var stream = RandomStream(seed: seed, purpose: stableHash("power laws"), index: UInt64(member))
      var network = SmallNetwork(inputs: columns.width, width: options.width, outputs: 3, stream: &stream)
      var adam = Adam(network.parameters.count, rate: Self.rate)
      var batches = Batches(values.count, size: Self.batch)
      for _ in 0..<options.steps {
        let rows = batches.draw(&stream)
        let chosen = inputs.columns(at: rows.map { owners[$0] })
        let pass = network.forward(chosen)
        var slopes: [Double] = []
        for (place, row) in rows.enumerated() {
          let law = PowerLaw(Array(pass.outputs[3 * place..<3 * place + 3]))
          let (value, gradient) = law.value(at: times[row])
          // The derivative of the absolute error.
          let sign = value > values[row] ? 1.0 : value < values[row] ? -1 : 0
          slopes += gradient.map { sign / Double(rows.count) * $0 }
        }
        adam.move(&network.parameters, against: network.backward(pass, chosen, slopes: slopes).parameters)
      }
      guard network.parameters.allSatisfy(\.isFinite) else { return nil }
      networks.append(network)
    }
  }

  /// Means and variances of the curves of some points at a time, a share of the full resource.
  public func predictions(of points: FeaturePoints, at time: Double) -> (means: [Double], variances: [Double]) {
    let inputs = columns.matrix(points)
    var means = [Double](repeating: 0, count: points.count)
    var squares = means
    let share = 1 / Double(networks.count)
    let values = networks.map { network in
      let outputs = network.forward(inputs).outputs
      return (0..<points.count).map {
        PowerLaw(Array(outputs[3 * $0..<3 * $0 + 3])).value(at: max(time, Self.leastTime)).value
      }
    }
    for member in values { for i in means.indices { means[i] += share * member[i] } }
    for member in values {
      for i in means.indices { squares[i] += share * (member[i] - means[i]) * (member[i] - means[i]) }
    }
    return (means, squares)
  }
}

/// A curve of a ``PowerLawEnsemble``.
struct PowerLaw: Sendable {
  var a: Double
  var b: Double
  var c: Double

  init(_ outputs: [Double]) {
    a = outputs[0]
    b = outputs[1]
    c = outputs[2]
  }

  /// u / (1 + e^(−u)) and its derivative.
  static func gate(_ u: Double) -> (value: Double, slope: Double) {
    let share = 1 / (1 + _exp(-u))
    return (u * share, share * (1 + u * (1 - share)))
  }

  /// The value and its derivatives with respect to a, b and c.
  func value(at time: Double) -> (value: Double, gradient: [Double]) {
    let (height, inHeight) = Self.gate(b)
    let (power, inPower) = Self.gate(c)
    let decay = _pow(time, -power)
    return (a + height * decay, [1, inHeight * decay, -height * decay * _log(time) * inPower])
  }
}
