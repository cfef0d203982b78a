import TrimtabNumerics
import TrimtabSearchSpaces

/// What is kept of a checkpoint's weights: a few numbers of each layer, which do not change when neurons change places.
///
/// Of each layer the deciles, mean, standard deviation, Frobenius norm and spectral norm of its weights, and the same of their
/// difference from the initial ones, where those are known (else zeros). Source of the idea: Mehta, Lorraine, Masson et al.,
/// "Improving hyperparameter optimization with checkpointed model weights", 2024, arXiv 2406.18630, where a network embeds them.
public struct WeightSummary: Sendable, Equatable {
  /// How many numbers there are of a layer's weights, and as many of their difference from the initial ones.
  public static let statistics = 15
  /// The most layers of which something is kept: those with most weights.
  public static let layerLimit = 12

  public struct Layer: Sendable, Equatable {
    public var name: String
    /// Twice ``WeightSummary/statistics``.
    public var numbers: [Double]

    public init(name: String, numbers: [Double]) {
      self.name = name
      self.numbers = numbers
    }
  }

  /// In the order of their names.
  public var layers: [Layer]

  public init(layers: [Layer]) { self.layers = layers }

  /// Deciles, mean, standard deviation and norms of a layer's weights. Those that are no finite numbers do not count.
  /// - Parameter columns: how many weights follow one another in a row of the matrix; nil for one that is none, or is known in
  ///   parts only, of which there is no spectral norm.
  public static func statistics(_ weights: [Double], columns: Int?) -> [Double] {
    let sorted = weights.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return [Double](repeating: 0, count: statistics) }
    var result = (0...10).map { decile -> Double in
      let place = Double(decile) / 10 * Double(sorted.count - 1)
      let low = Int(place)
      let high = min(low + 1, sorted.count - 1)
      return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
    }
    // In sorted order, so that the places of neurons do not matter to the last bit.
    let mean = sorted.reduce(0) { $0 + $1 / Double(sorted.count) }
    let squares = sorted.reduce(0) { $0 + $1 * $1 }
    let spread = sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(sorted.count)
    result += [mean, spread.squareRoot(), squares.squareRoot()]
    let isWhole = sorted.count == weights.count
    result.append(isWhole ? columns.map { spectralNorm(weights, columns: $0) } ?? 0 : 0)
    return result
  }

  /// The greatest singular value, by power iteration from the norms of the columns.
  static func spectralNorm(_ weights: [Double], columns: Int) -> Double {
    guard columns > 0, weights.count >= columns else { return 0 }
    let rows = weights.count / columns
    // BLAS has columns where this has rows.
    let matrix = Matrix(rows: columns, columns: rows, storage: Array(weights.prefix(rows * columns)))
    var vector = [Double](repeating: 0, count: columns)
    for row in 0..<rows { for j in 0..<columns { vector[j] += matrix[j, row] * matrix[j, row] } }
    for j in vector.indices { vector[j] = vector[j].squareRoot() }
    var norm = 0.0
    for _ in 0..<100 {
      let length = LinearAlgebra.dot(vector, vector).squareRoot()
      guard length > 0, length.isFinite else { return 0 }
      let unit = Matrix(rows: columns, columns: 1, storage: vector.map { $0 / length })
      let image = LinearAlgebra.product(matrix, unit, transposingA: true)
      let next = LinearAlgebra.dot(image.storage, image.storage).squareRoot()
      vector = LinearAlgebra.product(matrix, image).storage
      if abs(next - norm) <= 1e-9 * next { return next }
      norm = next
    }
    return norm
  }

  // MARK: In the log

  /// Whether a study asks for summaries.
  public static func isWanted(by spec: StudySpec) -> Bool {
    spec.fidelity != nil && spec.method.scheduler.name == "fms"
      && spec.method.scheduler.options["components"]?.number != 0
  }

  private static let prefix = "trimtab:weights:"

  /// The key of the note that holds the summary of a trial's weights at a resource.
  public static func key(_ resource: Double) -> String { prefix + JSONValue.plainText(resource) }

  /// The resource of a note that holds a summary; nil for another note.
  public static func resource(ofKey key: String) -> Double? {
    guard key.hasPrefix(prefix) else { return nil }
    return Double(key.dropFirst(prefix.count))
  }

  /// The summary as the text of a note, to six digits.
  public var text: String {
    JSONValue.object(
      layers.map { layer in
        .init(layer.name, .array(layer.numbers.map { .number(Self.rounded($0)) }))
      }
    ).text
  }

  /// Reads a note.
  /// - Returns: nil when it holds something else.
  public init?(text: String) {
    guard let json = try? JSONValue.parse(text), case .object(let members) = json, members.count <= Self.layerLimit
    else {
      return nil
    }
    layers = []
    for member in members {
      guard case .array(let items) = member.value, items.count == 2 * Self.statistics else { return nil }
      let numbers = items.compactMap { item -> Double? in
        switch item {
        case .integer(let number): Double(number)
        case .number(let number) where number.isFinite: number
        default: nil
        }
      }
      guard numbers.count == items.count else { return nil }
      layers.append(Layer(name: member.key, numbers: numbers))
    }
  }

  private static func rounded(_ number: Double) -> Double {
    guard number.isFinite, number != 0, abs(number) > 1e-30, abs(number) < 1e30 else { return 0 }
    var scale = 1.0
    while abs(number) * scale < 1e5 { scale *= 10 }
    while abs(number) * scale >= 1e6 { scale /= 10 }
    return (number * scale).rounded() / scale
  }
}
